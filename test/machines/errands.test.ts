import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Errand, JobEvent, Suspension } from '../../src/domain.ts';
import { createLog } from '../../src/log.ts';
import { createJobRoster, type JobRoster } from '../../src/machines/roster.ts';
import { at, makeCondition, makeRun, makeSnapshot } from '../support/facts.ts';

const key = { namespace: 'tool-alpha', kind: 'CronJob', name: 'demo' } as const;
const noon = at('2026-03-01T12:00:00Z');
const minute = 60_000;
let asked: Errand[];
let roster: JobRoster;
let version: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: noon });
  [asked, version] = [[], 0];
  start();
});
afterEach(() => {
  roster.stop();
  vi.useRealTimers();
});

function start(): void {
  roster = createJobRoster({
    log: createLog({ level: 'error', stream: { write: (line) => void expect.fail(line) } }),
    onErrand: (errand) => void asked.push(errand),
    around: { graces: () => ({ troubleMs: minute, steadyMs: minute }), now: Date.now },
  });
}

const lasting: Suspension = {
  since: noon,
  by: 'owner',
  note: undefined,
  until: noon + 10 * minute,
  resumedAt: undefined,
};

interface Shown {
  readonly suspension?: Suspension;
  readonly suspendAfter?: number;
  readonly uid?: string;
}

function show({ suspension, suspendAfter, uid = 'uid-1' }: Shown): void {
  version += 1;
  const { object } = makeSnapshot({
    kind: 'CronJob',
    job: { schedule: { text: '0 * * * *', actual: '0 * * * *' }, ...(suspendAfter ? { suspendAfter } : {}) },
    status: { suspended: suspension !== undefined && suspension.resumedAt === undefined },
    object: {
      uid,
      resourceVersion: String(version),
      firing: { timeZone: 'UTC', concurrency: 'forbid', deadlineMs: 30_000, changedAt: undefined },
      ...(suspension ? { suspension } : {}),
    },
  });
  roster.accept({ type: 'object.seen', key, object });
}

function runEnds(uid: string, type: 'Complete' | 'Failed'): void {
  version += 1;
  const conditions = [makeCondition(type, type === 'Failed' ? { reason: 'DeadlineExceeded' } : {})];
  const run = makeRun({ uid, name: uid, resourceVersion: String(version), status: { conditions } });
  roster.accept({ type: 'run.seen', key, run } satisfies JobEvent);
}

describe('the end of a suspension', () => {
  it('is asked for when its time has come, once', () => {
    show({ suspension: lasting });
    vi.advanceTimersByTime(10 * minute - 1);
    expect(asked).toEqual([]);
    vi.advanceTimersByTime(1);
    show({ suspension: lasting });
    vi.advanceTimersByTime(60 * minute);
    expect(asked).toMatchObject([{ type: 'resume', uid: 'uid-1', until: lasting.until }]);
  });

  it('is asked for at once by a daemon that was away then', () => {
    vi.setSystemTime(noon + 30 * minute);
    show({ suspension: lasting });
    expect(asked).toMatchObject([{ type: 'resume' }]);
  });

  it('is asked for anew by the next daemon, as the same errand', () => {
    vi.setSystemTime(noon + 30 * minute);
    show({ suspension: lasting });
    roster.stop();
    start();
    show({ suspension: lasting });
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
    expect(asked).toHaveLength(2);
  });

  it('is not asked for where it was resumed, or suspended without an end, meanwhile', () => {
    show({ suspension: lasting });
    show({ suspension: { ...lasting, until: undefined } });
    vi.advanceTimersByTime(60 * minute);
    show({ suspension: lasting });
    show({ suspension: { ...lasting, resumedAt: noon + 60 * minute } });
    vi.advanceTimersByTime(60 * minute);
    expect(asked).toHaveLength(1);
  });

  it('is asked for at the time that was named last', () => {
    show({ suspension: lasting });
    show({ suspension: { ...lasting, until: noon + 20 * minute } });
    vi.advanceTimersByTime(19 * minute);
    expect(asked).toEqual([]);
    vi.advanceTimersByTime(minute);
    expect(asked).toHaveLength(1);
  });

  it('comes also months later', () => {
    const until = noon + 90 * 24 * 60 * minute;
    show({ suspension: { ...lasting, until } });
    vi.advanceTimersByTime(until - noon - 1);
    expect(asked).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(asked).toHaveLength(1);
  });

  it('waits until a run that fell due meanwhile can no longer be begun', () => {
    const until = noon + 60 * minute + 10_000;
    show({ suspension: { ...lasting, until } });
    vi.advanceTimersByTime(until - noon + 20_999);
    expect(asked).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(asked).toHaveLength(1);
  });
});

describe('failures in a row', () => {
  it('are asked about when the job is seen first, and after each run that failed', () => {
    show({ suspendAfter: 3 });
    runEnds('run-1', 'Failed');
    runEnds('run-2', 'Failed');
    expect(asked.map(({ type }) => type)).toEqual(['suspend-after', 'suspend-after', 'suspend-after']);
    expect(asked).toMatchObject([{ after: 3, uid: 'uid-1' }, {}, {}]);
  });

  it('are asked about when another number is wanted, and of another life of the job', () => {
    show({ suspendAfter: 3 });
    show({ suspendAfter: 3 });
    show({ suspendAfter: 2 });
    show({ suspendAfter: 2, uid: 'uid-2' });
    expect(asked).toMatchObject([{ after: 3 }, { after: 2 }, { after: 2, uid: 'uid-2' }]);
  });

  it("are nobody's business where the definition does not ask for it, and while the job is suspended", () => {
    show({});
    runEnds('run-1', 'Failed');
    show({ suspendAfter: 3, suspension: { ...lasting, until: undefined } });
    runEnds('run-2', 'Failed');
    expect(asked).toEqual([]);
  });
});
