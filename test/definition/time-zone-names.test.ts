import { describe, expect, it } from 'vitest';
import { isTimeZone } from '../../src/definition/time-zone.ts';
import { problemOfTimeZone, timeZoneNames } from '../../src/definition/time-zone-names.ts';

describe('the name of a time zone', () => {
  it.each([
    'UTC',
    'Europe/Rome',
    'CET',
    'EST',
    'US/Pacific',
    'Asia/Kolkata',
    'Asia/Calcutta',
    'Etc/GMT+5',
    'Europe/Kyiv',
  ])('may be %s', (name) => {
    expect(problemOfTimeZone(name)).toBeUndefined();
  });

  it.each([
    ['Europe/Roma', 'Europe/Rome'],
    ['Rome', 'Europe/Rome'],
    ['europe/rome', 'Europe/Rome'],
    ['New York', 'America/New_York'],
    ['utc', 'UTC'],
    ['us/pacific', 'US/Pacific'],
    ['cet', 'CET'],
  ])('is not %j, where %s is probably meant', (name, meant) => {
    expect(problemOfTimeZone(name)).toBe(
      `${JSON.stringify(name)} is no time zone that the cluster knows. Did you mean "${meant}"? Example: "Europe/Rome".`,
    );
  });

  it.each(['Local', '', '+01:00', 'Factory', '../etc/passwd', 'Europe/Rome\n', 'x'.repeat(10_000)])(
    'is not %j',
    (name) => {
      expect(problemOfTimeZone(name)).toMatch(/^"?.{0,90} is no time zone that the cluster knows\./);
    },
  );

  it('is one that Node.js opens, and in the form that Kubernetes wants', () => {
    const strange = [...timeZoneNames()].filter(
      (name) =>
        !isTimeZone(name) || !name.split('/').every((part) => /^[A-Za-z0-9._+][A-Za-z0-9._+-]{0,13}$/.test(part)),
    );
    expect(strange).toEqual([]);
  });
});
