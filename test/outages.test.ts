import { beforeEach, describe, expect, it } from 'vitest';
import { createOutages, type Outages } from '../src/outages.ts';
import { makeCronJobObject, makeJobObject, makePod } from './support/make.ts';
import { makeGone, makeSeen } from './support/make-event.ts';

const second = 1_000;
const minute = 60 * second;
let clock: number;
let outages: Outages;

beforeEach(() => {
  clock = 100 * minute;
  outages = createOutages(() => clock);
});

/** Requests fail every second until then, and the next one is answered. */
function away(ms: number): void {
  const end = clock + ms;
  for (outages.failed(); clock < end; outages.failed()) clock += second;
  outages.answered();
}

const iso = (at: number) => new Date(at).toISOString();

describe('a time in which the cluster was away', () => {
  it('begins with the first request that failed, and ends with the first one that was answered', () => {
    away(30 * second);
    expect(outages.all()).toEqual([{ from: 100 * minute, to: 100 * minute + 30 * second }]);
  });

  it('is known while it lasts, and is one and the same', () => {
    outages.failed();
    clock += 20 * second;
    outages.failed();
    clock += 20 * second;
    outages.failed();
    expect(outages.all()).toEqual([{ from: 100 * minute, to: 100 * minute + 40 * second }]);
  });

  it('is none where a request failed and was made again', () => {
    away(5 * second);
    expect(outages.all()).toEqual([]);
  });

  it('is one for two processes of which the first ended over it, and two where days lie in between', () => {
    outages.add([{ from: 99 * minute, to: 99 * minute + 15 * second }]);
    away(30 * second);
    expect(outages.all()).toEqual([{ from: 99 * minute, to: 100 * minute + 30 * second }]);
    clock += 60 * minute;
    away(30 * second);
    expect(outages.all()).toHaveLength(2);
  });

  it('is found by any time that it touches', () => {
    away(30 * second);
    const from = 100 * minute;
    expect(outages.during(from - minute, from)).toEqual({ from, to: from + 30 * second });
    expect(outages.during(from + 30 * second, from + minute)).toBeDefined();
    expect(outages.during(from + 31 * second, from + minute)).toBeUndefined();
    expect(outages.during(from - minute, from - 1)).toBeUndefined();
  });

  it('is none where the cluster was at work meanwhile and only we were cut off, and the rest of it stays', () => {
    away(10 * minute);
    const [from, to] = [100 * minute, 110 * minute];
    const before = outages.all();
    for (const at of [from - minute, from + 4 * second, to - 4 * second, to])
      outages.accept(makeSeen(makePod({ createdAt: iso(at) })));
    outages.accept(makeGone(makePod({ createdAt: iso(from + minute) })));
    expect(outages.all()).toBe(before);
    outages.accept(makeSeen(makeJobObject({ createdAt: iso(from + 3 * minute) })));
    expect(outages.all()).toEqual([
      { from, to: from + 3 * minute - 5 * second },
      { from: from + 3 * minute + 5 * second, to },
    ]);
    outages.accept(makeSeen(makeCronJobObject({ lastSucceededAt: iso(to - 12 * second) })));
    const cronJob = { name: 'demo', uid: 'uid-1' };
    outages.accept(makeSeen(makeJobObject({ cronJob, createdAt: iso(from + 12 * second) })));
    expect(outages.all()).toEqual([
      { from: from + 17 * second, to: from + 3 * minute - 5 * second },
      { from: from + 3 * minute + 5 * second, to: to - 17 * second },
    ]);
  });

  it('is forgotten after a week', () => {
    away(30 * second);
    clock += 8 * 24 * 60 * minute;
    away(30 * second);
    expect(outages.all()).toHaveLength(1);
  });

  it('leaves what is known as it is while nothing changes', () => {
    away(30 * second);
    const before = outages.all();
    outages.answered();
    outages.failed();
    outages.answered();
    expect(outages.all()).toBe(before);
  });
});
