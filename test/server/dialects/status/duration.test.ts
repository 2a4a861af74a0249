import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration } from '../../../../src/server/dialects/status/duration.ts';

describe('a duration', () => {
  it.each<[number, string]>([
    [0, '0s'],
    [1, '1s'],
    [59.9, '59s'],
    [60, '1m'],
    [61, '1m1s'],
    [120, '2m'],
    [3599, '59m59s'],
    [3660, '1h1m'],
    [3661, '1h1m1s'],
    [86_400, '1d'],
    [86_401, '1d'],
    [86_460, '1d1m'],
    [90_000, '1d1h'],
    [90_061, '1d1h1m'],
    [2_593_785, '30d29m'],
  ])('of %d seconds is %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  it.each([-5, -0.1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'is nothing for %d',
    (seconds) => {
      expect(formatDuration(seconds)).toBe('0s');
    },
  );

  it('says the seconds it was given, to the second below a day and to the minute above', () => {
    const sizes = { d: 86_400, h: 3_600, m: 60, s: 1 };
    fc.assert(
      fc.property(fc.nat(10_000_000), (seconds) => {
        const parts = [...formatDuration(seconds).matchAll(/(\d+)([dhms])/g)];
        const said = parts.reduce((sum, [, count, unit]) => sum + Number(count) * sizes[unit as keyof typeof sizes], 0);
        expect(said).toBe(seconds < 86_400 ? seconds : seconds - (seconds % 60));
      }),
    );
  });
});
