import { describe, expect, it } from 'vitest';
import {
  durationSince,
  earliestKnown,
  firstKnown,
  instantText,
  latestKnown,
} from '../../../../src/server/dialects/status/instant.ts';

const absurd = [undefined, 0, -1, Number.NaN, Number.POSITIVE_INFINITY, 9e15];

describe('a point in time', () => {
  it('is written in whole seconds of UTC', () => {
    expect(instantText(Date.parse('2026-11-24T04:17:00.999Z'))).toBe('2026-11-24T04:17:00Z');
  });

  it.each(absurd)('is not written when it is %s', (at) => {
    expect(instantText(at)).toBeUndefined();
    expect(durationSince(at, Date.now())).toBe('0s');
  });

  it('is chosen among those that are known', () => {
    expect(firstKnown(...absurd, 7, 5)).toBe(7);
    expect(latestKnown(...absurd, 7, 5)).toBe(7);
    expect(earliestKnown([...absurd, 7, 5])).toBe(5);
    expect(latestKnown(...absurd)).toBeUndefined();
    expect(earliestKnown([])).toBeUndefined();
  });

  it('is never in the future for a duration, when clocks differ', () => {
    expect(durationSince(2_000, 1_000)).toBe('0s');
  });
});
