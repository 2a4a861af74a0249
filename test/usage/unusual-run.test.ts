import { describe, expect, it } from 'vitest';
import type { RunRecord, Written } from '../../src/domain.ts';
import { bandOf, judgeLength, judgeQuiet, unusualRuns } from '../../src/usage/unusual-run.ts';
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
  const nothing = new Map();
  const records = [run(900), run(185, { outcome: 'failed' }), run(2), ...alike, run(1)];
  expect([...unusualRuns(records, nothing)].map(([id, { what }]) => [id, what])).toEqual([['run-900', 'long']]);
  const without = records.slice(0, -1);
  expect([...unusualRuns(without, nothing)].map(([id, { what }]) => [id, what])).toEqual([
    ['run-900', 'long'],
    ['run-2', 'short'],
  ]);
});

describe('how much a run wrote', () => {
  const wrote = (lines: number, orMore = false): Written => ({ lines, orMore });
  const times = (count: number, written: Written | undefined) => Array<Written | undefined>(count).fill(written);
  /** @param before newest first */
  const judgedBy = (
    own: Written | undefined,
    before: readonly (Written | undefined)[],
    outcome = 'succeeded' as const,
  ) => {
    const records = before.map((_, at) => makeRunRecord({ id: `b-${at}`, outcome }));
    const known = [own, ...before].flatMap((one, at) => (one ? [[at ? `b-${at - 1}` : 'own', one] as const] : []));
    return judgeQuiet('own', records, new Map(known));
  };

  it.each<[string, Written | undefined, readonly (Written | undefined)[], boolean]>([
    ['less than half of each is quiet', wrote(4), times(10, wrote(9)), true],
    ['half of it is as usual', wrote(5), times(10, wrote(10)), false],
    ['nothing is quiet where each wrote a line', wrote(0), times(10, wrote(1)), true],
    ['nothing is as usual where one of them wrote nothing', wrote(0), [...times(20, wrote(50)), wrote(0)], false],
    ['nothing is as usual where they usually write nothing', wrote(0), times(10, wrote(0)), false],
    ['as little as one of them is as usual', wrote(3), [...times(20, wrote(50)), wrote(4)], false],
    ['nothing is not judged by nine', wrote(0), times(9, wrote(50)), false],
    ['nothing is judged by the last fifty', wrote(0), [...times(50, wrote(50)), wrote(0)], true],
    ['what is not known is not quiet', undefined, times(10, wrote(50)), false],
    ['what may be more is not quiet', wrote(1, true), times(10, wrote(50)), false],
    [
      'runs of which it is not known are passed over',
      wrote(0),
      [...times(9, undefined), ...times(10, wrote(50))],
      true,
    ],
    ['runs of which it is not known do not count', wrote(0), [...times(10, undefined), ...times(9, wrote(50))], false],
    ['of those that may be more so much counts as is certain', wrote(90), times(10, wrote(200, true)), true],
  ])('%s', (_, own, before, isQuiet) => {
    expect(judgedBy(own, before) !== undefined).toBe(isQuiet);
  });

  it('is judged by successes alone', () => {
    expect(judgedBy(wrote(0), times(10, wrote(50)), 'failed' as never)).toBeUndefined();
  });

  it('says what is usual', () => {
    expect(judgedBy(wrote(3), [wrote(12), ...times(11, wrote(40))])).toEqual({
      what: 'quiet',
      lines: 3,
      runs: 12,
      least: 12,
    });
  });

  it('marks a quiet run among the records, but one that was short as that', () => {
    const records = [run(180), run(2), ...alike];
    const known = new Map([...alike.map(({ id }) => [id, wrote(50)] as const)]);
    known.set('run-180', wrote(3)).set('run-2', wrote(60));
    expect(
      [
        ...unusualRuns(
          records.filter(({ id }) => id !== 'run-2'),
          known,
        ),
      ].map(([, { what }]) => what),
    ).toEqual(['quiet']);
    known.set('run-2', wrote(3)).delete('run-180');
    expect([...unusualRuns(records, known)].map(([id, { what }]) => [id, what])).toEqual([['run-2', 'short']]);
  });
});
