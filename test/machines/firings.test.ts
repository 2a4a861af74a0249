import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Concurrency, Errand, JobEvent, JobKey, Notice, RunEnd, RunRecord, Suspension } from '../../src/domain.ts';
import { createFiringsMark, type FiringsMark } from '../../src/firings-mark.ts';
import { createLog } from '../../src/log.ts';
import { createJobRoster, type JobRoster } from '../../src/machines/roster.ts';
import { isSameFiring, mergeRuns } from '../../src/run-file.ts';
import { makeCondition, makeResolved, makeRun, makeStatus } from '../support/facts.ts';

const key: JobKey = { namespace: 'tool-alpha', kind: 'CronJob', name: 'demo' };
const minute = 60_000;
const hour = 60 * minute;
const time = (text: string) => Date.parse(text);
const log = createLog({ level: 'error', stream: { write: (line) => void expect.fail(line) } });

let missed: { end: RunEnd; notice: Notice | undefined }[];
let errands: Errand[];
let roster: JobRoster;
let completeUntil: () => number;
let from: number;
let version = 0;

function nextVersion(): string {
  version += 1;
  return String(version);
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  [missed, errands, completeUntil] = [[], [], () => Date.now()];
});
afterEach(() => {
  roster.stop();
  vi.useRealTimers();
});

/** A daemon that begins to look at `at`, or has looked up to `lookedUntil` before. */
function start(at: string, lookedUntil = at, gaps: readonly [string, string][] = []): void {
  vi.setSystemTime(time(at));
  from = time(lookedUntil);
  roster = createJobRoster({
    log,
    onFiringMissed: (one) => void missed.push(one),
    onErrand: (one) => void errands.push(one),
    around: {
      graces: () => ({ troubleMs: hour, steadyMs: hour }),
      now: Date.now,
      firings: {
        from: () => from,
        completeUntil: () => completeUntil(),
        isUnseen: (at) => gaps.some(([first, last]) => time(first) <= at && at <= time(last)),
      },
    },
  });
}

interface Shown {
  readonly schedule?: string;
  readonly timeZone?: string;
  readonly uid?: string;
  readonly madeAt?: string;
  readonly changedAt?: string;
  readonly suspended?: boolean;
  readonly suspension?: Suspension;
  readonly lastScheduledAt?: string;
  readonly emails?: 'none' | 'all';
  readonly concurrency?: Concurrency;
  readonly deadlineMs?: number;
}

const show = (job: Shown = {}) => roster.accept(objectEvent(job));

function objectEvent(job: Shown): JobEvent {
  const { schedule = '0 * * * *', timeZone = 'UTC', uid = 'uid-1', madeAt = '2026-01-01T00:00:00Z' } = job;
  return {
    type: 'object.seen',
    key,
    object: {
      key,
      uid,
      resourceVersion: nextVersion(),
      createdAt: time(madeAt),
      deletingAt: undefined,
      job: makeResolved({
        type: 'scheduled',
        schedule: { text: schedule, actual: schedule },
        emails: job.emails ?? 'all',
      }),
      foreign: undefined,
      definition: undefined,
      status: makeStatus({
        suspended: job.suspended ?? false,
        lastScheduledAt: job.lastScheduledAt === undefined ? undefined : time(job.lastScheduledAt),
      }),
      firing: {
        timeZone,
        concurrency: job.concurrency ?? 'forbid',
        deadlineMs: job.deadlineMs ?? 30_000,
        changedAt: job.changedAt === undefined ? undefined : time(job.changedAt),
      },
      ...(job.suspension ? { suspension: job.suspension } : {}),
    },
  };
}

const runEvent = (uid: string, dueAt: number, endedAt?: number): JobEvent => ({
  type: 'run.seen',
  key,
  run: makeRun({
    uid,
    dueAt,
    createdAt: dueAt,
    resourceVersion: nextVersion(),
    status: {
      startedAt: dueAt,
      ...(endedAt === undefined ? {} : { conditions: [makeCondition('Complete', { changedAt: endedAt })] }),
    },
  }),
});
const run = (uid: string, due: string, ended?: string) =>
  roster.accept(runEvent(uid, time(due), ended === undefined ? undefined : time(ended)));
const byHand = (uid: string, began: string, holds: string, ended?: string) =>
  roster.accept({
    type: 'run.seen',
    key,
    run: makeRun({
      uid,
      manual: true,
      holds: time(holds),
      createdAt: time(began),
      resourceVersion: nextVersion(),
      status: {
        startedAt: time(began),
        ...(ended === undefined ? {} : { conditions: [makeCondition('Complete', { changedAt: time(ended) })] }),
      },
    }),
  });
const runGoes = (uid: string) => roster.accept({ type: 'run.gone', key, uid, resourceVersion: nextVersion() });
const until = (text: string) => vi.advanceTimersByTime(time(text) - Date.now());
const told = () =>
  missed.map(({ end }) => `${new Date(end.dueAt ?? 0).toISOString().slice(0, 16)} ${end.reason ?? end.outcome}`);

describe('a firing of a schedule', () => {
  it('that becomes a run is told by its run alone', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:00:02Z');
    run('run-1', '2026-03-01T13:00:00Z', '2026-03-01T13:00:09Z');
    runGoes('run-1');
    until('2026-03-01T13:59:00Z');
    expect(told()).toEqual([]);
  });

  it('that becomes none is told once, when it can begin no more', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:00:44Z');
    expect(told()).toEqual([]);
    until('2026-03-01T13:00:46Z');
    expect(told()).toEqual(['2026-03-01T13:00 unexplained']);
    until('2026-03-01T13:59:00Z');
    expect(missed).toHaveLength(1);
    expect(missed[0]?.notice).toMatchObject({ kind: 'failed', isSkipped: true, at: time('2026-03-01T13:00:00Z') });
  });

  it('says that the run before it was still going, and since when', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:00:01Z');
    run('run-1', '2026-03-01T13:00:00Z');
    until('2026-03-01T14:10:00Z');
    run('run-1', '2026-03-01T13:00:00Z', '2026-03-01T14:10:00Z');
    expect(missed.map(({ end }) => end)).toMatchObject([
      { reason: 'previous_run', since: time('2026-03-01T13:00:00Z'), outcome: 'skipped' },
    ]);
  });

  it('of a job that is suspended is recorded, and no news to its owner', () => {
    start('2026-03-01T12:30:00Z');
    show({ suspended: true });
    until('2026-03-01T13:01:00Z');
    expect([told(), missed[0]?.notice]).toEqual([['2026-03-01T13:00 suspended'], undefined]);
  });

  it('that fell into a suspension says so, with who, and why, also where that is over by then', () => {
    start('2026-03-01T12:30:00Z');
    const suspension = {
      since: time('2026-03-01T12:30:00Z'),
      by: 'owner',
      note: 'the wiki moves',
      until: undefined,
      resumedAt: time('2026-03-01T13:00:40Z'),
    } as const;
    show({ suspended: true, suspension: { ...suspension, resumedAt: undefined } });
    until('2026-03-01T13:00:40Z');
    show({ suspension });
    until('2026-03-01T14:01:00Z');
    expect(told()).toEqual(['2026-03-01T13:00 suspended', '2026-03-01T14:00 unexplained']);
    expect(missed[0]?.end).toMatchObject({
      since: suspension.since,
      suspension: { by: 'owner', note: 'the wiki moves' },
    });
  });

  it('that found a run by hand still going, under its own name, says so, though that run has gone by then', () => {
    start('2026-03-01T12:30:00Z');
    show();
    byHand('run-1', '2026-03-01T12:59:00Z', '2026-03-01T13:00:00Z');
    until('2026-03-01T13:00:01Z');
    show({ lastScheduledAt: '2026-03-01T13:00:00Z' });
    byHand('run-1', '2026-03-01T12:59:00Z', '2026-03-01T13:00:00Z', '2026-03-01T13:00:05Z');
    runGoes('run-1');
    until('2026-03-01T13:01:00Z');
    expect(told()).toEqual(['2026-03-01T13:00 previous_run']);
    expect([missed[0]?.end.since, errands]).toEqual([time('2026-03-01T12:59:00Z'), []]);
  });

  it('that was taken for a run by hand which had ended by then is to be begun a moment late', () => {
    start('2026-03-01T12:30:00Z');
    show();
    byHand('run-1', '2026-03-01T12:59:00Z', '2026-03-01T13:00:00Z', '2026-03-01T12:59:50Z');
    until('2026-03-01T13:00:01Z');
    expect(errands).toEqual([]);
    show({ lastScheduledAt: '2026-03-01T13:00:00Z' });
    expect(errands).toMatchObject([{ type: 'begin', due: time('2026-03-01T13:00:00Z'), uid: 'uid-1' }]);
    run('run-2', '2026-03-01T13:00:00Z', '2026-03-01T13:00:09Z');
    show({ lastScheduledAt: '2026-03-01T13:00:00Z' });
    runGoes('run-1');
    until('2026-03-01T13:59:00Z');
    expect([told(), errands.length]).toEqual([[], 1]);
  });

  it('that could not be begun in time after that is on record all the same', () => {
    start('2026-03-01T12:30:00Z');
    show();
    byHand('run-1', '2026-03-01T12:59:00Z', '2026-03-01T13:00:00Z', '2026-03-01T12:59:50Z');
    until('2026-03-01T13:00:01Z');
    show({ lastScheduledAt: '2026-03-01T13:00:00Z' });
    until('2026-03-01T13:00:31Z');
    [errands] = [[]];
    show({ lastScheduledAt: '2026-03-01T13:00:00Z' });
    until('2026-03-01T13:59:00Z');
    expect([told(), errands]).toEqual([['2026-03-01T13:00 previous_run'], []]);
  });

  it('is not judged before everything that was said of it is known', () => {
    completeUntil = () => time('2026-03-01T12:59:50Z');
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:20:00Z');
    expect(told()).toEqual([]);
    run('run-1', '2026-03-01T13:00:00Z');
    completeUntil = () => Date.now();
    until('2026-03-01T13:30:00Z');
    expect(told()).toEqual([]);
  });

  it('from before the job was made, before anybody looked, or before its schedule was changed is nobody’s', () => {
    start('2026-03-01T13:30:00Z', '2026-03-01T10:30:00Z');
    show({ madeAt: '2026-03-01T13:10:00Z' });
    show({ uid: 'uid-2', changedAt: '2026-03-01T13:20:00Z' });
    show({ uid: 'uid-3' });
    expect(told()).toEqual(['11', '12', '13'].map((at) => `2026-03-01T${at}:00 unexplained`));
    missed = [];
    show({ uid: 'uid-3', schedule: '20 * * * *' });
    until('2026-03-01T14:10:00Z');
    expect(told()).toEqual([]);
    until('2026-03-01T14:21:00Z');
    expect(told()).toEqual(['2026-03-01T14:20 unexplained']);
  });

  it('that an edit or a deletion took away in its moment is told to be changed', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:00:10Z');
    show({ schedule: '30 * * * *' });
    until('2026-03-01T13:30:05Z');
    roster.accept({ type: 'object.gone', key, uid: 'uid-1', resourceVersion: nextVersion() });
    until('2026-03-01T15:00:00Z');
    expect(told()).toEqual(['2026-03-01T13:00 changed', '2026-03-01T13:30 changed']);
    expect(missed.map(({ notice }) => notice)).toEqual([undefined, undefined]);
  });

  it('in the second in which the daemon starts is told again with the same id', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:00:46Z');
    roster.stop();
    start('2026-03-01T13:00:46Z', '2026-03-01T12:58:46Z');
    show();
    expect(told()).toHaveLength(2);
    expect(new Set(missed.map(({ end }) => end.id)).size).toBe(1);
  });

  it('of which a run was begun that nobody saw is told to be unknown', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:00:30Z');
    show({ lastScheduledAt: '2026-03-01T13:00:00Z' });
    until('2026-03-01T13:02:00Z');
    expect([told(), missed[0]?.notice]).toEqual([['2026-03-01T13:00 unknown'], undefined]);
  });

  it('in a time that nobody can have seen is told to be unknown, and so are all of them', () => {
    start('2026-03-01T15:30:00Z', '2026-03-01T12:30:00Z', [['2026-03-01T12:30:00Z', '2026-03-01T14:30:00Z']]);
    show();
    expect(told()).toEqual(['2026-03-01T13:00 unknown', '2026-03-01T14:00 unknown', '2026-03-01T15:00 unexplained']);
  });

  it('is shown with its job as far as it is explained, until a run is begun', () => {
    start('2026-03-01T12:30:00Z');
    show();
    until('2026-03-01T13:01:00Z');
    const shown = () => roster.find(key.namespace, key.name)?.skipped;
    expect(shown()).toBeUndefined();
    const end = missed[0]?.end as RunEnd;
    roster.announce({ ...end, reason: 'quota', clusterSays: 'exceeded quota' });
    const skip = { dueAt: end.dueAt, reason: 'quota', since: undefined, clusterSays: 'exceeded quota' };
    expect([shown(), roster.list(key.namespace)[0]?.skipped]).toEqual([skip, skip]);
    roster.announce({ ...end, dueAt: (end.dueAt ?? 0) - hour, reason: 'suspended' });
    expect(shown()).toEqual(skip);
    run('run-1', '2026-03-01T14:00:00Z');
    expect(shown()).toBeUndefined();
  });

  it('is one of more than a hundred at once: the last twenty are told one by one, the others together', () => {
    start('2026-03-03T12:30:30Z', '2026-03-01T12:30:00Z');
    show({ schedule: '* * * * *' });
    expect(missed).toHaveLength(21);
    const [first, second] = missed.map(({ end }) => end);
    expect([first?.dueAt, first?.dueUntil]).toEqual([time('2026-03-01T12:31:00Z'), (second?.dueAt ?? 0) - 1]);
    expect(missed.at(-1)?.end.dueAt).toBe(time('2026-03-03T12:29:00Z'));
  });

  it('is missed when the clock jumps over it, and not missed twice when the clock is set back', () => {
    start('2026-03-01T12:30:00Z');
    show();
    vi.setSystemTime(time('2026-03-01T15:30:00Z'));
    vi.advanceTimersByTime(hour);
    expect(told()).toEqual(['13', '14', '15', '16'].map((at) => `2026-03-01T${at}:00 unexplained`));
    vi.setSystemTime(time('2026-03-01T12:30:00Z'));
    vi.advanceTimersByTime(3 * hour);
    expect(missed).toHaveLength(4);
  });

  it('is told by none of the other kinds of jobs, nor where nobody accounts for them', () => {
    start('2026-03-01T12:30:00Z');
    show({ schedule: '0 0 31 2 *' });
    vi.advanceTimersByTime(48 * hour);
    expect(told()).toEqual([]);
  });
});

describe('firings in a time zone', () => {
  const firings = (schedule: string, timeZone: string, first: string, last: string) => {
    missed = [];
    start(last, first);
    show({ schedule, timeZone });
    return missed.map(({ end }) => new Date(end.dueAt ?? 0).toISOString().slice(0, 16));
  };

  it('are at its hours, in summer and in winter', () => {
    expect(firings('0 4 * * *', 'Europe/Berlin', '2026-03-27T12:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
      '2026-03-28T03:00',
      '2026-03-29T02:00',
      '2026-03-30T02:00',
    ]);
    expect(firings('0 4 * * *', 'Asia/Kathmandu', '2026-03-27T12:00:00Z', '2026-03-28T12:00:00Z')).toEqual([
      '2026-03-27T22:15',
    ]);
  });

  it('are each counted once when the clocks go back', () => {
    const all = firings('30 * * * *', 'Europe/Berlin', '2026-10-24T23:00:00Z', '2026-10-25T03:00:00Z');
    expect(new Set(all).size).toBe(all.length);
  });

  it('are on the days that there are: a leap day, and no 31st of a short month', () => {
    expect(firings('0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z', '2029-01-01T00:00:00Z')).toEqual(['2028-02-29T00:00']);
    expect(firings('0 0 31 * *', 'UTC', '2026-03-01T00:00:00Z', '2026-06-30T00:00:00Z')).toEqual([
      '2026-03-31T00:00',
      '2026-05-31T00:00',
    ]);
  });
});

/** Minutes are the steps; the controller acts on the second after a due time, and its words reach whoever watches. */
class World {
  now = time('2026-03-01T12:05:00Z');
  readonly begunAt = this.now;
  schedule = '*/10 * * * *';
  isSuspended = false;
  isFull = false;
  lastsMinutes = 1;
  records: readonly RunRecord[] = [];
  readonly due: number[] = [];
  readonly begun = new Map<number, string>();
  #active: { uid: string; due: number; until: number } | undefined;
  #ended: { uid: string; due: number; at: number } | undefined;
  readonly #said: JobEvent[] = [];
  #heard = 0;
  #isWatched = true;
  #isListed = false;
  #roster: JobRoster | undefined;
  #checkpoint = { said: 0, firingsFrom: this.now };
  #mark: FiringsMark | undefined;
  readonly mailed: number[] = [];
  #completeUntil = 0;
  #changedAt = time('2026-01-01T00:00:00Z');

  constructor() {
    vi.setSystemTime(this.now);
    this.#say(this.#object());
    this.startDaemon();
    roster = this.#roster as JobRoster;
  }

  get isSeen(): boolean {
    return this.#roster !== undefined;
  }

  pass(minutes: number): void {
    for (let step = 0; step < minutes; step += 1) {
      vi.advanceTimersByTime(minute);
      this.now += minute;
      this.#controller();
      this.#hear();
    }
  }

  #controller(): void {
    const at = this.now;
    if (this.#ended && this.#ended.at < at) {
      // A deletion comes with the last state of what is gone.
      this.#say(runEvent(this.#ended.uid, this.#ended.due, this.#ended.at));
      this.#say({ type: 'run.gone', key, uid: this.#ended.uid, resourceVersion: nextVersion() });
      this.#ended = undefined;
    }
    if (this.#active && this.#active.until <= at) {
      const { uid, due } = this.#active;
      this.#say(runEvent(uid, due, at));
      this.#ended = { uid, due, at };
      this.#active = undefined;
    }
    if (new Date(at).getUTCMinutes() % Number(this.schedule.slice(2, 4)) !== 0) return;
    this.due.push(at);
    if (this.isSuspended || this.isFull || this.#active || this.#ended) return;
    const uid = `run-${at / minute}`;
    this.begun.set(at, uid);
    this.#active = { uid, due: at, until: at + this.lastsMinutes * minute };
    this.#say(runEvent(uid, at));
  }

  #say(event: JobEvent): void {
    this.#said.push(event);
  }

  #hear(): void {
    if (!this.#roster || !this.#isWatched) return;
    this.#take();
    if (!this.#isListed) this.#list();
    this.#completeUntil = this.now;
    this.#checkpoint = { said: this.#heard, firingsFrom: this.#mark?.from() ?? 0 };
  }

  #take(): void {
    for (const event of this.#said.slice(this.#heard)) this.#roster?.accept(event);
    this.#heard = this.#said.length;
  }

  /** What was there all along; only then are the facts complete. */
  #list(): void {
    this.#isListed = true;
    this.#roster?.accept(this.#object());
    if (this.#active) this.#roster?.accept(runEvent(this.#active.uid, this.#active.due));
    if (this.#ended) this.#roster?.accept(runEvent(this.#ended.uid, this.#ended.due, this.#ended.at));
  }

  #object(): JobEvent {
    return objectEvent({
      schedule: this.schedule,
      suspended: this.isSuspended,
      changedAt: new Date(this.#changedAt).toISOString(),
    });
  }

  edit(change: () => void): void {
    if (!this.#roster) return;
    const { schedule } = this;
    change();
    if (this.schedule !== schedule) this.#changedAt = this.now;
    this.#say(this.#object());
    this.#hear();
  }

  cut(): void {
    this.#isWatched = false;
  }

  mend(): void {
    this.#isWatched = true;
    this.#hear();
  }

  kill(): void {
    this.#roster?.stop();
    this.#roster = undefined;
  }

  startDaemon(): void {
    if (this.#roster) return;
    const { firingsFrom } = this.#checkpoint;
    const keep = (end: RunEnd) => {
      this.records = mergeRuns(this.records, [{ ...end, type: 'scheduled' }]);
    };
    this.#completeUntil = 0;
    this.#roster = createJobRoster({
      log,
      onRunEnded: keep,
      onFiringMissed: ({ end, notice }) => {
        if (this.records.some((run) => isSameFiring(run, end) && run.outcome === 'succeeded')) return;
        keep(end);
        if (notice) this.mailed.push(end.dueAt ?? 0);
      },
      around: {
        graces: () => ({ troubleMs: hour, steadyMs: hour }),
        now: Date.now,
        firings: { from: () => firingsFrom, completeUntil: () => this.#completeUntil, isUnseen: () => false },
      },
    });
    roster = this.#roster;
    this.#mark = createFiringsMark({ first: firingsFrom, completeUntil: () => this.#completeUntil, now: Date.now });
    this.#heard = this.#checkpoint.said;
    this.#isListed = false;
    this.#hear();
  }
}

describe('whatever happens to the daemon, its watches and the job', () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .integer({ min: 1, max: 25 })
        .map((minutes) => ({ name: `pass ${minutes}`, act: (world: World) => world.pass(minutes) })),
    },
    ...[
      { name: 'kill', act: (world: World) => world.kill() },
      { name: 'start', act: (world: World) => world.startDaemon() },
      { name: 'cut', act: (world: World) => world.cut() },
      { name: 'mend', act: (world: World) => world.mend() },
      {
        name: 'suspend',
        act: (world: World) =>
          world.edit(() => {
            world.isSuspended = !world.isSuspended;
          }),
      },
      {
        name: 'other schedule',
        act: (world: World) =>
          world.edit(() => {
            world.schedule = world.schedule === '*/10 * * * *' ? '*/7 * * * *' : '*/10 * * * *';
          }),
      },
      {
        name: 'quota',
        act: (world: World) => {
          world.isFull = !world.isFull;
        },
      },
      {
        name: 'long runs',
        act: (world: World) => {
          world.lastsMinutes = world.lastsMinutes === 1 ? 17 : 1;
        },
      },
    ].map((one) => fc.constant(one)),
  );

  it('each firing that was due has exactly one outcome on record', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const world = new World();
        for (const { act } of steps) act(world);
        world.mend();
        world.startDaemon();
        world.pass(25);
        world.kill();
        const judged = world.due.filter((at) => at <= world.now - 20 * minute).slice(-80);
        const outcomes = judged.map((at) => {
          const records = world.records.filter(({ dueAt }) => dueAt === at);
          return `${records.length} ${records[0]?.outcome === 'skipped' ? 'skipped' : records[0]?.id}`;
        });
        expect(outcomes).toEqual(judged.map((at) => `1 ${world.begun.get(at) ?? 'skipped'}`));
        expect(world.mailed.filter((at) => world.begun.has(at))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
