/**
 * A cluster in small (the controller of CronJobs, written down once more, by the hands of a clock) and a daemon that is killed, cut off and
 * has its clock set: whatever happens, each firing that was due has exactly one outcome on record.
 */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Concurrency, concurrencyChoices, type JobEvent, type RunEnd, type RunRecord } from '../../src/domain.ts';
import { createFiringsMark, type FiringsMark } from '../../src/firings-mark.ts';
import { createJobRoster, type JobRoster } from '../../src/machines/roster.ts';
import { isSameFiring, mergeRuns } from '../../src/run-file.ts';
import { hour, log, minute, objectEvent, runEvent, runGoneEvent, time } from '../support/firing-stage.ts';

interface Plan {
  readonly schedule: string;
  readonly timeZone: string;
}

/** Minutes and hours only; an hour after the beginning Europe's clocks go forward, and half a day later those of Lord Howe do not. */
const plans: readonly Plan[] = [
  { schedule: '*/10 * * * *', timeZone: 'UTC' },
  { schedule: '*/7 * * * *', timeZone: 'Europe/Rome' },
  { schedule: '*/20 1,2,3,4 * * *', timeZone: 'Europe/Rome' },
  { schedule: '30 * * * *', timeZone: 'Asia/Kathmandu' },
  { schedule: '15,45 * * * *', timeZone: 'Australia/Lord_Howe' },
];
const beginning = time('2026-03-29T00:05:00Z');

/** By the hands of the clock, not by what is tested. */
function isDue({ schedule, timeZone }: Plan, at: number): boolean {
  const clock = new Date(at).toLocaleTimeString('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' });
  const [hourNow, minuteNow] = clock.split(':').map(Number);
  const [minutes = '', hours = ''] = schedule.split(' ');
  return isIn(minutes, minuteNow ?? -1) && isIn(hours, hourNow ?? -1);
}

function isIn(field: string, value: number): boolean {
  if (field === '*') return true;
  return field.startsWith('*/') ? value % Number(field.slice(2)) === 0 : field.split(',').map(Number).includes(value);
}

interface Job {
  readonly plan: Plan;
  readonly concurrency: Concurrency;
  readonly deadlineMs: number;
  readonly isSuspended: boolean;
}

interface Run {
  readonly uid: string;
  readonly due: number;
  readonly createdAt: number;
  readonly until: number;
}

/** Minutes are the steps; the controller acts on the second after a due time, and its words reach whoever watches. */
class World {
  now = beginning;
  records: readonly RunRecord[] = [];
  readonly due: number[] = [];
  readonly begun = new Map<number, string>();
  readonly replaced = new Set<string>();
  readonly mailed: number[] = [];
  /** Given up, and begun after all by an edit that gave them more time. */
  readonly revived = new Set<number>();
  /** Then nobody can tell a run that was replaced from one that was lost. */
  wasBehind = false;
  #job: Job = { plan: plans[0] as Plan, concurrency: 'forbid', deadlineMs: 30_000, isSuspended: false };
  #isFull = false;
  #lastsMinutes = 1;
  /** The firing that may still begin. */
  #pending: number | undefined;
  #active: readonly Run[] = [];
  #ended: readonly Run[] = [];
  readonly #said: JobEvent[] = [];
  #heard = 0;
  #isWatched = true;
  #isListed = false;
  #roster: JobRoster | undefined;
  #checkpoint = { said: 0, firingsFrom: this.now };
  #mark: FiringsMark | undefined;
  #completeUntil = 0;
  #changedAt = time('2026-01-01T00:00:00Z');

  constructor() {
    vi.setSystemTime(this.now);
    this.#say(this.#object());
    this.startDaemon();
  }

  /** The one that may still begin, however long ago it was due. */
  get open(): number | undefined {
    const due = this.#pending;
    return due !== undefined && this.now - due <= this.#job.deadlineMs ? due : undefined;
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
    for (const run of this.#ended) this.#sayGone(run, run.until);
    this.#ended = this.#active.filter(({ until }) => until <= at);
    for (const run of this.#ended) this.#say(runEvent(run.uid, run.due, { ...run, endedAt: run.until }));
    this.#active = this.#active.filter(({ until }) => until > at);
    const { plan, concurrency, deadlineMs, isSuspended } = this.#job;
    if (isDue(plan, at)) {
      this.due.push(at);
      this.#pending = at;
    }
    const due = this.#pending;
    if (due === undefined || at - due > deadlineMs || isSuspended || this.#isFull) return;
    if (concurrency === 'forbid' && this.#active.length > 0) return;
    if (concurrency === 'replace') this.#replaceAll();
    this.#begin(due);
  }

  #begin(due: number): void {
    const uid = `run-${due / minute}`;
    const run = { uid, due, createdAt: this.now, until: this.now + this.#lastsMinutes * minute };
    this.begun.set(due, uid);
    this.#active = [...this.#active, run];
    this.#pending = undefined;
    this.#say(runEvent(uid, due, { createdAt: run.createdAt }));
  }

  #replaceAll(): void {
    for (const run of this.#active) {
      this.replaced.add(run.uid);
      this.#sayGone(run);
    }
    this.#active = [];
  }

  /** A deletion comes with the last state of what is gone. */
  #sayGone(run: Run, endedAt?: number): void {
    this.#say(runEvent(run.uid, run.due, { ...run, endedAt }));
    this.#say(runGoneEvent(run.uid));
  }

  #say(event: JobEvent): void {
    this.#said.push(event);
  }

  #hear(): void {
    if (!this.#roster || !this.#isWatched) return;
    const news = this.#said.slice(this.#heard);
    // What did not change since the checkpoint comes first (held-facts.ts).
    if (!this.#isListed && !news.some(({ type }) => type === 'object.seen')) this.#roster.accept(this.#object());
    for (const event of news) this.#roster.accept(event);
    this.#heard = this.#said.length;
    if (!this.#isListed) this.#list();
    this.#completeUntil = this.now;
    this.#checkpoint = { said: this.#heard, firingsFrom: this.#mark?.from() ?? 0 };
  }

  /** What was there all along; only then are the facts complete. */
  #list(): void {
    this.#isListed = true;
    this.#roster?.accept(this.#object());
    for (const run of this.#active) this.#roster?.accept(runEvent(run.uid, run.due, { createdAt: run.createdAt }));
    for (const run of this.#ended) this.#roster?.accept(runEvent(run.uid, run.due, { ...run, endedAt: run.until }));
  }

  #object(): JobEvent {
    return objectEvent({
      ...this.#job.plan,
      concurrency: this.#job.concurrency,
      deadlineMs: this.#job.deadlineMs,
      suspended: this.#job.isSuspended,
      changedAt: new Date(this.#changedAt).toISOString(),
    });
  }

  /** Through the daemon, which takes no change before it knows what is there, and stamps it by its own clock: here by the right one. */
  edit(change: (job: Job) => Partial<Job>): void {
    if (!this.#roster || !this.#isListed || Date.now() !== this.now) return;
    const before = this.#job;
    this.#job = { ...before, ...change(before) };
    const pending = this.#pending ?? this.now;
    if (this.now - pending > before.deadlineMs) this.revived.add(pending);
    if (this.#job.plan !== before.plan) {
      this.#changedAt = this.now;
      this.#pending = undefined;
    }
    this.#say(this.#object());
    this.#hear();
  }

  /** How long runs take that begin from now on. */
  setLength(minutes: number): void {
    this.#lastsMinutes = minutes;
  }

  /** The quota leaves room for no run, or again for one. */
  fillOrFree(): void {
    this.#isFull = !this.#isFull;
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

  /** So far ahead of the cluster's clock. */
  setClock(minutes: number): void {
    vi.setSystemTime(this.now + minutes * minute);
    this.wasBehind ||= minutes < 0;
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
        const known = this.records.find((run) => isSameFiring(run, end));
        if (known && known.outcome !== 'skipped' && known.outcome !== 'unknown') return;
        keep(end);
        if (notice) this.mailed.push(end.dueAt ?? 0);
      },
      around: {
        graces: () => ({ troubleMs: hour, steadyMs: hour }),
        now: Date.now,
        firings: {
          from: () => firingsFrom,
          completeUntil: () => this.#completeUntil,
          outage: () => undefined,
          isUnseen: () => false,
        },
      },
    });
    this.#mark = createFiringsMark({ first: firingsFrom, completeUntil: () => this.#completeUntil, now: Date.now });
    this.#heard = this.#checkpoint.said;
    this.#isListed = false;
    this.#hear();
  }
}

const idOf = ({ id, outcome }: RunRecord) => (outcome === 'skipped' ? outcome : id);

type Step = (world: World) => void;
const pass = fc.integer({ min: 1, max: 40 }).map(
  (minutes): Step =>
    (world) =>
      world.pass(minutes),
);
const edits: readonly fc.Arbitrary<Step>[] = [
  fc.constantFrom(...plans).map((plan) => (world) => world.edit(() => ({ plan }))),
  fc.constantFrom(...concurrencyChoices).map((concurrency) => (world) => world.edit(() => ({ concurrency }))),
  fc.constantFrom(30_000, 15 * minute, 24 * hour).map((deadlineMs) => (world) => world.edit(() => ({ deadlineMs }))),
  fc.constant((world) => world.edit(({ isSuspended }) => ({ isSuspended: !isSuspended }))),
];
const troubles: readonly fc.Arbitrary<Step>[] = [
  fc.constantFrom<Step>(
    (world) => world.kill(),
    (world) => world.startDaemon(),
    (world) => world.cut(),
    (world) => world.mend(),
  ),
  fc.constantFrom(-7, 0, 7).map((minutes) => (world) => world.setClock(minutes)),
  fc.constantFrom(1, 17, 45).map((minutes) => (world) => world.setLength(minutes)),
  fc.constant((world) => world.fillOrFree()),
];
const step = fc.oneof(
  { weight: 6, arbitrary: pass },
  ...edits.map((arbitrary) => ({ weight: 1, arbitrary })),
  ...troubles.map((arbitrary) => ({ weight: 1, arbitrary })),
);

describe('whatever happens to the daemon, its clock, its watches and the job', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
  afterEach(() => vi.useRealTimers());

  it('each firing that was due has exactly one outcome on record', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
        const world = new World();
        for (const act of steps) act(world);
        world.setClock(0);
        world.mend();
        world.startDaemon();
        world.pass(100);
        world.kill();
        const judged = world.due.filter((at) => at <= world.now - 63 * minute && at !== world.open).slice(-80);
        const outcomes = judged.map((at) => world.records.filter(({ dueAt }) => dueAt === at).map(idOf));
        expect(outcomes).toEqual(judged.map((at) => [world.begun.get(at) ?? 'skipped']));
        const replaced = world.records.filter(({ reason }) => reason === 'replaced').map(({ id }) => id);
        if (!world.wasBehind) expect(new Set(replaced)).toEqual(world.replaced);
        expect(world.mailed.filter((at) => world.begun.has(at) && !world.revived.has(at))).toEqual([]);
        expect(world.records.filter(({ dueAt = 0 }) => dueAt > beginning && !world.due.includes(dueAt))).toEqual([]);
      }),
      { numRuns: 80 },
    );
  }, 60_000);
});
