import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Notice, RunRecord, Written } from '../src/domain.ts';
import { createUnusualRuns, type UnusualRuns } from '../src/unusual-runs.ts';
import { makeRunRecord } from './support/facts.ts';
import { makeNotice } from './support/notices.ts';

const minute = 60_000;
const began = makeNotice().at;
/** Three minutes each; one that takes more than six is unusual. */
const usual = Array.from({ length: 10 }, (_, n) =>
  makeRunRecord({ id: `b-${n}`, startedAt: 0, finishedAt: 3 * minute }),
);

let told: Notice[];
let [isAsked, isRunning] = [true, true];
let records: readonly RunRecord[];
/** What is known to have been written; it is counted when `count` is called. */
let written: Map<string, Written>;
let count: () => void;
let unusual: UnusualRuns;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: began });
  [told, isAsked, isRunning, records] = [[], true, true, usual];
  written = new Map();
  const counted = new Promise<void>((resolve) => {
    count = resolve;
  });
  unusual = createUnusualRuns({
    isAsked: () => isAsked,
    isRunning: () => isRunning,
    runs: async () => records,
    counted: () => counted,
    written: async () => written,
    onUnusual: (notice) => void told.push(notice),
    now: Date.now,
  });
});
afterEach(() => {
  unusual.stop();
  vi.useRealTimers();
});

const started = makeNotice({ kind: 'started', startedAt: began, finishedAt: undefined });
const endedAfter = (ms: number, kind: Notice['kind'] = 'finished') =>
  makeNotice({ kind, startedAt: began, finishedAt: began + ms, at: began + ms });
const words = () => told.map(({ id, kind, at, unusual }) => [id, kind, at - began, unusual?.what]);
async function accept(notice: Notice): Promise<void> {
  count();
  unusual.accept(notice);
  await unusual.settled();
}

describe('a run of a job that asks to be told', () => {
  it('is told at its end where it was short, with all that is known of it', async () => {
    await accept(endedAfter(5_000));
    expect(words()).toEqual([['run-1/unusual', 'unusual', 5_000, 'short']]);
    expect(told[0]).toMatchObject({ run: 'run-1', emails: 'onfailure', unusual: { length: 5_000, runs: 10 } });
  });

  it('is told while it goes on, as soon as it is longer than usual, and no more at its end', async () => {
    await accept(started);
    await vi.advanceTimersByTimeAsync(6 * minute);
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(words()).toEqual([['run-1/unusual', 'unusual', 6 * minute + 1, 'long']]);
    await accept(endedAfter(9 * minute));
    expect(new Set(told.map(({ id }) => id)).size).toBe(1);
  });

  it('is told at once where it is too long already when somebody looks', async () => {
    vi.setSystemTime(began + 20 * minute);
    await accept(started);
    expect(words()).toEqual([['run-1/unusual', 'unusual', 20 * minute, 'long']]);
  });

  it.each<[string, () => unknown]>([
    ['ends as usual', () => accept(endedAfter(3 * minute))],
    ['fails, which is told elsewhere', () => accept(endedAfter(5_000, 'failed'))],
    ['is no more when its time comes', () => (isRunning = false)],
  ])('is not told where it %s', async (_, happens) => {
    await accept(started);
    await happens();
    await vi.advanceTimersByTimeAsync(60 * minute);
    expect(told).toEqual([]);
  });

  it('is not told where too few are known, where records cannot be read, and after a stop', async () => {
    records = usual.slice(1);
    await accept(endedAfter(5_000));
    records = undefined as never;
    await accept(endedAfter(5_000));
    records = usual;
    await accept(started);
    unusual.stop();
    await vi.advanceTimersByTimeAsync(60 * minute);
    expect(told).toEqual([]);
  });

  it('is not judged by itself', async () => {
    records = [makeRunRecord({ id: 'run-1', startedAt: 0, finishedAt: 5_000 }), ...usual];
    await accept(endedAfter(5_000));
    expect(words()).toHaveLength(1);
  });
});

describe('a run of which it is not counted yet what it wrote', () => {
  beforeEach(() => {
    for (const { id } of usual) written.set(id, { lines: 40, orMore: false });
  });

  it('is told as quiet when it is, once, with all that is known of it', async () => {
    unusual.accept(endedAfter(3 * minute));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual([]);
    written.set('run-1', { lines: 3, orMore: false });
    count();
    await unusual.settled();
    expect(words()).toEqual([['run-1/unusual', 'unusual', 3 * minute, 'quiet']]);
    expect(told[0]?.unusual).toEqual({ what: 'quiet', lines: 3, runs: 10, least: 40 });
  });

  it('is not told where that is never known, comes too late, or is as usual', async () => {
    await accept(endedAfter(3 * minute));
    written.set('run-1', { lines: 30, orMore: false });
    await accept(endedAfter(3 * minute));
    expect(told).toEqual([]);
  });

  it('is not waited for longer than half a minute', async () => {
    unusual.accept(endedAfter(3 * minute));
    let isSettled = false;
    void unusual.settled().then(() => {
      isSettled = true;
    });
    await vi.advanceTimersByTimeAsync(29_999);
    expect(isSettled).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect([isSettled, told]).toEqual([true, []]);
  });

  it('is told at once, and for that alone, where it was short as well', async () => {
    written.set('run-1', { lines: 0, orMore: false });
    unusual.accept(endedAfter(5_000));
    await unusual.settled();
    expect(words()).toEqual([['run-1/unusual', 'unusual', 5_000, 'short']]);
  });
});

it('a job that does not ask, and one without runs, are let alone', async () => {
  isAsked = false;
  await accept(endedAfter(5_000));
  isAsked = true;
  await accept({ ...endedAfter(5_000), key: { namespace: 'tool-alpha', kind: 'Deployment', name: 'bot' } });
  expect(told).toEqual([]);
});
