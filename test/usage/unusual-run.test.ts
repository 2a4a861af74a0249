import { describe, expect, it } from 'vitest';
import type { RunRecord } from '../../src/domain.ts';
import { bandOf, judgeLength, unusualRuns } from '../../src/usage/unusual-run.ts';
import { makeRunRecord } from '../support/facts.ts';

const second = 1_000;
const run = (seconds: number, changes: Partial<RunRecord> = {}) =>
  makeRunRecord({ id: `run-${seconds}`, startedAt: 0, finishedAt: seconds * second, ...changes });
const runs = (...seconds: readonly number[]) => seconds.map((one) => run(one));
const alike = runs(...Array.from({ length: 12 }, (_, index) => 180 + index));
const judged = (seconds: number, before: readonly RunRecord[]) => {
  const band = bandOf(before);
  return band && judgeLength(seconds * second, band)?.what;
};

describe('a run', () => {
  it.each<[string, number, readonly RunRecord[], 'short' | 'long' | undefined]>([
    ['of a job whose runs are alike is as usual within half and twice of them', 100, alike, undefined],
    ['that took less than half is unusually short', 80, alike, 'short'],
    ['that took more than twice is unusually long', 400, alike, 'long'],
    ['of a job whose runs differ is as usual while one took as long', 3, [...alike, run(2)], undefined],
    ['of a job whose runs differ is unusual beyond all of them', 8_000, [...alike, run(3_600)], 'long'],
    ['of a job that takes seconds is as usual for some more', 11, runs(...Array(10).fill(2)), undefined],
    ['of a job that takes seconds is unusual ten seconds away', 13, runs(...Array(10).fill(2)), 'long'],
    [
      'of a job whose runs are spread is as usual within six times that',
      700,
      runs(10, 100, 120, 200, 210, 300, 310, 390, 400, 500),
      undefined,
    ],
    ['of a job that has run nine times is not judged', 1, alike.slice(0, 9), undefined],
    [
      'is judged by successes alone',
      1,
      [...alike.slice(0, 9), ...alike.map((one) => ({ ...one, outcome: 'failed' as const }))],
      undefined,
    ],
    ['is judged by the last fifty', 20, [...Array.from({ length: 50 }, () => run(180)), run(2)], 'short'],
  ])('%s', (_, seconds, before, what) => {
    expect(judged(seconds, before)).toBe(what);
  });

  it('that is unusual says what is usual', () => {
    const band = bandOf(alike);
    expect(band && judgeLength(2 * second, band)).toEqual({
      what: 'short',
      length: 2 * second,
      runs: 12,
      shortest: 180 * second,
      longest: 191 * second,
    });
  });
});

it('among the records of a job those are unusual that were so by the runs before them', () => {
  const records = [run(900), run(185, { outcome: 'failed' }), run(2), ...alike, run(1)];
  expect([...unusualRuns(records)].map(([id, { what }]) => [id, what])).toEqual([['run-900', 'long']]);
  const without = records.slice(0, -1);
  expect([...unusualRuns(without)].map(([id, { what }]) => [id, what])).toEqual([
    ['run-900', 'long'],
    ['run-2', 'short'],
  ]);
});
