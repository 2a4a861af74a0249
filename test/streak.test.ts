import { describe, expect, it } from 'vitest';
import type { RunRecord } from '../src/domain.ts';
import { failuresBefore, nextStreak, streakOf } from '../src/streak.ts';
import { makeRunRecord } from './support/facts.ts';

/** Oldest first, one letter each: `+` succeeded, `-` failed, `s` skipped, `o` suspended, `?` unknown, `x` stopped. */
function runsOf(text: string): RunRecord[] {
  const kinds: Record<string, Partial<RunRecord>> = {
    '+': {},
    '-': { outcome: 'failed', reason: 'exit_code' },
    s: { outcome: 'skipped', reason: 'quota' },
    o: { outcome: 'skipped', reason: 'suspended' },
    '?': { outcome: 'unknown' },
    x: { outcome: 'stopped' },
  };
  return [...text]
    .map((letter, at) => makeRunRecord({ id: `run-${at}`, createdAt: at, finishedAt: at, ...kinds[letter] }))
    .reverse();
}

describe('a streak', () => {
  it.each([
    ['', undefined],
    ['?x', undefined],
    ['+', ['succeeded', 1, 0, 0]],
    ['+-', ['failed', 1, 1, 0]],
    ['+--', ['failed', 2, 1, 0]],
    ['+-s', ['skipped', 2, 1, 0]],
    ['+--o?x', ['failed', 2, 1, 0]],
    ['+---+', ['succeeded', 1, 4, 3]],
    ['---++', ['succeeded', 2, 3, 0]],
  ])('of %s is what is in a row, since when, and how many failures it ended', (text, expected) => {
    const streak = streakOf(runsOf(text));
    expect(streak && [streak.outcome, streak.count, streak.since, failuresBefore(streak)]).toEqual(expected);
  });

  it('counts a run once that is told again', () => {
    const [run] = runsOf('-') as [RunRecord];
    expect(nextStreak(nextStreak(undefined, run), run)?.count).toBe(1);
  });
});
