import { describe, expect, it } from 'vitest';
import { stampOf, stampOfMs } from '../src/stamps.ts';

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
});
