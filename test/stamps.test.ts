import { describe, expect, it } from 'vitest';
import { stampOf, stampOfMoment, stampOfMs } from '../src/stamps.ts';

describe('a stamp', () => {
  it('has the order of time as a text, whatever its zone and its digits', () => {
    const stamps = ['2026-07-01T14:00:00.1+02:00', '2026-07-01T12:00:00.10000001Z', '2026-07-01T12:00:00.2Z'].map(
      stampOf,
    );
    expect([...stamps].sort()).toEqual(stamps);
    expect(stampOf('2026-07-01T12:00:00Z')).toBe(stampOfMs(Date.parse('2026-07-01T12:00:00Z')));
  });

  it('is none for what is no time', () => {
    for (const text of ['', 'now', '2026-07-01', '12:00:00Z']) expect(stampOf(text)).toBeUndefined();
  });

  it('is made of what people say, but of no day that no calendar has', () => {
    const now = Date.parse('2026-07-01T12:00:00Z');
    expect(stampOfMoment('90s', now)).toBe('2026-07-01T11:58:30.000000000Z');
    expect(stampOfMoment('2026-06-30 12:00:00Z', now)).toBe('2026-06-30T12:00:00.000000000Z');
    for (const text of ['2026-06-31T12:00:00Z', '2026-02-29T00:00:00Z', '2w', 'today'])
      expect(stampOfMoment(text, now)).toBeUndefined();
  });
});
