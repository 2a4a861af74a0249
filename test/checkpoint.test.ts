import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Checkpoint, createCheckpoint } from '../src/checkpoint.ts';
import type { Positions } from '../src/domain.ts';
import { createLog } from '../src/log.ts';
import type { Gap } from '../src/mailbox.ts';
import { unfinishedOf } from '../src/store.ts';
import { until } from './support/sandbox.ts';

const noon = Date.parse('2026-03-01T12:00:00Z');
const hourMs = 3_600_000;
let directory: string;
let path: string;
let lines: string[];
let positions: Positions;
let outages: readonly Gap[];
let settled: () => Promise<void>;
let clockMs: number;
/** How often the positions were asked for. */
let looks: number;
const opened: Checkpoint[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'checkpoint-'));
  path = join(directory, 'checkpoint.json');
  lines = [];
  positions = {};
  outages = [];
  settled = async () => {};
  clockMs = noon;
  looks = 0;
});
afterEach(async () => {
  settled = async () => {};
  await Promise.all(opened.splice(0).map((one) => one.stop()));
  await rm(directory, { recursive: true });
});

function open(): Checkpoint {
  const checkpoint = createCheckpoint({
    path,
    positions() {
      looks += 1;
      return positions;
    },
    asOf: () => clockMs,
    firingsFrom: () => clockMs - 1_000,
    outages: () => outages,
    settled: () => settled(),
    now: () => clockMs,
    log: createLog({ level: 'info', stream: { write: (line) => void lines.push(line) } }),
    everyMs: 2,
  });
  opened.push(checkpoint);
  return checkpoint;
}

const onDisk = async () => JSON.parse(await readFile(path, 'utf8').catch(() => 'null'));
const untilSaved = (version: string) =>
  until(async () => (await onDisk())?.positions.Pod === version, `the position ${version} is on disk`);
async function afterLooks(count: number): Promise<void> {
  const before = looks;
  await until(() => looks >= before + count, 'it has looked at the positions again');
}

describe('a checkpoint', () => {
  it('is nothing before the first daemon, and afterwards where it got to and when', async () => {
    const first = open();
    expect(await first.load()).toBeUndefined();
    first.start();
    positions = { Pod: '7', Job: '8' };
    await untilSaved('7');
    expect(await onDisk()).toEqual({
      v: 1,
      since: noon,
      positions: { Pod: '7', Job: '8' },
      asOf: noon,
      firingsFrom: noon - 1_000,
      gaps: [],
      outages: [],
    });
    expect(await open().load()).toEqual({
      positions: { Pod: '7', Job: '8' },
      asOf: noon,
      firingsFrom: noon - 1_000,
      outages: [],
    });
    expect(await readdir(directory)).toEqual(['checkpoint.json']);
  });

  it('is not written by a first daemon that has not got anywhere', async () => {
    const checkpoint = open();
    await checkpoint.load();
    checkpoint.start();
    await afterLooks(3);
    await checkpoint.stop();
    expect(await readdir(directory)).toEqual([]);
  });

  it('keeps the times in which the cluster was away', async () => {
    const first = open();
    await first.load();
    first.start();
    outages = [{ from: 1, to: 2 }];
    await until(async () => (await onDisk())?.outages.length === 1, 'they are on disk');
    expect((await open().load())?.outages).toEqual(outages);
  });

  it('is left alone while nothing changes', async () => {
    const checkpoint = open();
    checkpoint.start();
    positions = { Pod: '7' };
    await untilSaved('7');
    await until(() => checkpoint.stats().savedAt === noon, 'it is known to be saved');
    clockMs += 1_000;
    await afterLooks(3);
    expect((await onDisk()).asOf).toBe(noon);
    expect(checkpoint.stats()).toEqual({ savedAt: noon, failed: 0, gaps: 0 });
  });

  it('says no more than was handed on before everything was durable', async () => {
    let settle = () => {};
    const asked: Positions[] = [];
    settled = () => {
      asked.push(positions);
      return new Promise((resolve) => {
        settle = resolve;
      });
    };
    positions = { Pod: '7' };
    open().start();
    await until(() => asked.length === 1, 'it waits for the mailboxes');
    positions = { Pod: '9' };
    clockMs += 500;
    expect(await onDisk()).toBeNull();
    settle();
    await untilSaved('7');
    expect((await onDisk()).asOf).toBe(noon);
    await until(() => asked.length === 2, 'it waits again');
    settle();
    await untilSaved('9');
  });

  it('knows since when there has been one, over every restart', async () => {
    const first = open();
    await first.load();
    first.start();
    positions = { Pod: '7' };
    await untilSaved('7');
    clockMs += hourMs;
    const second = open();
    await second.load();
    expect([first.since(), second.since()]).toEqual([noon, noon]);
  });

  it('stays as it is when a daemon ends before it knows where it is', async () => {
    await writeFile(path, JSON.stringify({ v: 1, since: 1, positions: { Pod: '7' }, asOf: 2, gaps: [] }));
    const checkpoint = open();
    await checkpoint.load();
    await checkpoint.stop();
    expect((await onDisk()).positions).toEqual({ Pod: '7' });
  });

  it('is written once more at the end', async () => {
    const checkpoint = open();
    checkpoint.start();
    positions = { Pod: '7' };
    await checkpoint.stop();
    expect((await onDisk()).positions).toEqual({ Pod: '7' });
    positions = { Pod: '8' };
    await checkpoint.stop();
    expect((await onDisk()).positions).toEqual({ Pod: '7' });
  });
});

describe('what is not durable', () => {
  it('is never passed: where that cannot be known for ever, the daemon still ends, and nothing comes after it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      let settle = () => {};
      settled = () =>
        new Promise((resolve) => {
          settle = resolve;
        });
      const checkpoint = open();
      checkpoint.start();
      positions = { Pod: '7' };
      await vi.advanceTimersByTimeAsync(10);
      const stopped = checkpoint.stop();
      await vi.advanceTimersByTimeAsync(5_000);
      await stopped;
      settle();
      await vi.advanceTimersByTimeAsync(10_000);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
    await new Promise(setImmediate);
    expect(await readdir(directory)).toEqual([]);
  });

  it('is tried again by a disk that refuses, said once, and never counted as written', async () => {
    await mkdir(unfinishedOf(path));
    positions = { Pod: '7' };
    const checkpoint = open();
    checkpoint.start();
    await until(() => checkpoint.stats().failed > 2, 'it is tried again');
    expect(checkpoint.stats().savedAt).toBeUndefined();
    expect(await onDisk()).toBeNull();
    expect(lines.filter((line) => line.includes('cannot be written'))).toHaveLength(1);
    await rmdir(unfinishedOf(path));
    await untilSaved('7');
    await until(() => lines.some((line) => line.includes('is written again')), 'it says so');
  });

  it('is not passed where the mailboxes fail', async () => {
    settled = () => Promise.reject(new Error('a mistake'));
    positions = { Pod: '7' };
    const checkpoint = open();
    checkpoint.start();
    await until(() => checkpoint.stats().failed > 1, 'it is tried again');
    expect(await onDisk()).toBeNull();
  });
});

describe('a file that cannot be used', () => {
  it.each([
    ['is cut off', '{"v":1,"positions":{"Pod":"7"'],
    ['is of a later version', '{"v":2,"positions":{"Pod":"7"},"since":1,"asOf":1,"gaps":[]}'],
    ['does not say how old it is', '{"v":1,"positions":{"Pod":"7"},"gaps":[]}'],
    ['does not say since when', '{"v":1,"positions":{"Pod":"7"},"asOf":1,"gaps":[]}'],
    ['holds a position that no cluster counts', '{"v":1,"positions":{"Pod":"x"},"since":1,"asOf":1,"gaps":[]}'],
    ['holds a number for a position', '{"v":1,"positions":{"Pod":7},"since":1,"asOf":1,"gaps":[]}'],
  ])('because it %s is set aside and said: nobody knows since when', async (_, text) => {
    await writeFile(path, text);
    const checkpoint = open();
    expect(await checkpoint.load()).toEqual({ positions: {}, asOf: 0, outages: [] });
    expect(await readdir(directory)).toEqual([expect.stringContaining('checkpoint.json.corrupt-')]);
    expect(lines.join()).toContain('may go untold');
  });

  it('is known to have been there by the daemon after the next one, too', async () => {
    await writeFile(path, '{');
    const checkpoint = open();
    await checkpoint.load();
    clockMs = 0;
    checkpoint.start();
    await until(async () => (await onDisk()) !== null, 'it is written');
    expect(await open().load()).toEqual({ positions: {}, asOf: 0, outages: [] });
  });
});

describe('gaps', () => {
  const gap = (from: number, to: number) => ({ from: noon + from, to: noon + to });

  it('are kept over a restart, written without any other change', async () => {
    const checkpoint = open();
    checkpoint.start();
    checkpoint.addGap(gap(-60_000, 0));
    await until(async () => (await onDisk())?.gaps.length === 1, 'the gap is on disk');
    const next = open();
    await next.load();
    expect(next.gaps()).toEqual([gap(-60_000, 0)]);
    expect(next.stats().gaps).toBe(1);
  });

  it('that touch are one', () => {
    const checkpoint = open();
    for (const one of [gap(0, 10), gap(100, 120), gap(5, 20), gap(20, 25), gap(1, 2)]) checkpoint.addGap(one);
    expect(checkpoint.gaps()).toEqual([gap(0, 25), gap(100, 120)]);
    checkpoint.addGap(gap(25, 100));
    expect(checkpoint.gaps()).toEqual([gap(0, 120)]);
  });

  it('are the last twenty, of seven days', () => {
    const checkpoint = open();
    for (let hour = 1; hour <= 25; hour += 1) checkpoint.addGap(gap(hour * hourMs, hour * hourMs + 1));
    expect(checkpoint.gaps()).toHaveLength(20);
    expect(checkpoint.gaps().at(-1)).toEqual(gap(25 * hourMs, 25 * hourMs + 1));
    clockMs = noon + 7 * 24 * hourMs + 24 * hourMs;
    expect(checkpoint.gaps()).toEqual([gap(24 * hourMs, 24 * hourMs + 1), gap(25 * hourMs, 25 * hourMs + 1)]);
  });

  it('that make no sense are left out when they are read', async () => {
    const gaps = [gap(0, 1), gap(1, 0), 'x', { from: 1 }];
    await writeFile(path, JSON.stringify({ v: 1, positions: {}, since: 1, asOf: 1, gaps }));
    const checkpoint = open();
    await checkpoint.load();
    expect(checkpoint.gaps()).toEqual([gap(0, 1)]);
  });
});
