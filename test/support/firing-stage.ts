/** A scheduled job under a clock of the test's own: what is shown of it to the roster, and which of its firings are told to be missed. */
import { expect, vi } from 'vitest';
import type { Concurrency, Errand, JobEvent, JobKey, Notice, RunEnd, Suspension } from '../../src/domain.ts';
import { createLog } from '../../src/log.ts';
import type { MissedFiring } from '../../src/machines/firings.ts';
import { createJobRoster, type JobRoster } from '../../src/machines/roster.ts';
import { makeCondition, makeResolved, makeRun, makeStatus } from './facts.ts';

export const key: JobKey = { namespace: 'tool-alpha', kind: 'CronJob', name: 'demo' };
export const minute = 60_000;
export const hour = 60 * minute;
export const time = (text: string) => Date.parse(text);
export const log = createLog({ level: 'error', stream: { write: (line) => void expect.fail(line) } });

let version = 0;

export function nextVersion(): string {
  version += 1;
  return String(version);
}

export interface Shown {
  /** Unset: each hour. */
  readonly schedule?: string;
  /** Unset: UTC. */
  readonly timeZone?: string;
  readonly uid?: string;
  /** Unset: at the beginning of 2026. */
  readonly madeAt?: string;
  readonly changedAt?: string;
  readonly suspended?: boolean;
  readonly suspension?: Suspension;
  readonly lastScheduledAt?: string;
  readonly emails?: 'none' | 'all';
  /** Unset: forbid. */
  readonly concurrency?: Concurrency;
  /** Unset: half a minute. */
  readonly deadlineMs?: number;
}

export function objectEvent(job: Shown): JobEvent {
  const { schedule = '0 * * * *', timeZone = 'UTC', uid = 'uid-1', madeAt = '2026-01-01T00:00:00Z' } = job;
  const { concurrency = 'forbid', deadlineMs = 30_000 } = job;
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
        timeZone,
        concurrency,
        startingDeadline: deadlineMs / 1_000,
      }),
      foreign: undefined,
      definition: undefined,
      status: makeStatus({
        suspended: job.suspended ?? false,
        lastScheduledAt: job.lastScheduledAt === undefined ? undefined : time(job.lastScheduledAt),
      }),
      firing: {
        timeZone,
        concurrency,
        deadlineMs,
        changedAt: job.changedAt === undefined ? undefined : time(job.changedAt),
      },
      ...(job.suspension ? { suspension: job.suspension } : {}),
    },
  };
}

export interface ShownRun {
  readonly endedAt?: number | undefined;
  /** Unset: when it was due. */
  readonly createdAt?: number | undefined;
  /** The cluster makes no pod for it. */
  readonly isPending?: true;
}

export function runEvent(uid: string, dueAt: number, shown: ShownRun = {}): JobEvent {
  const { endedAt, createdAt = dueAt, isPending } = shown;
  return {
    type: 'run.seen',
    key,
    run: makeRun({
      uid,
      dueAt,
      createdAt,
      resourceVersion: nextVersion(),
      status: {
        startedAt: createdAt,
        ...(isPending ? {} : endedAt === undefined ? { active: 1 } : { succeeded: 1 }),
        ...(endedAt === undefined ? {} : { conditions: [makeCondition('Complete', { changedAt: endedAt })] }),
      },
    }),
  };
}

export const runGoneEvent = (uid: string): JobEvent => ({
  type: 'run.gone',
  key,
  uid,
  resourceVersion: nextVersion(),
});

type Span = readonly [from: string, to: string];

export function createFiringStage() {
  let missed: MissedFiring[] = [];
  let ended: RunEnd[] = [];
  let notices: Notice[] = [];
  let errands: Errand[] = [];
  let roster: JobRoster | undefined;
  let completeUntil: () => number = Date.now;
  const known = () => roster ?? expect.fail('nothing was started');
  const accept = (event: JobEvent) => known().accept(event);

  return {
    /** Before each test. */
    open(): void {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
      [missed, ended, notices, errands, completeUntil] = [[], [], [], [], () => Date.now()];
    },
    /** After each test. */
    close(): void {
      roster?.stop();
      vi.useRealTimers();
    },
    /** A daemon that begins to look at `at`, or has looked up to `lookedUntil` before. */
    start(at: string, lookedUntil = at, gaps: readonly Span[] = [], outages: readonly Span[] = []): void {
      roster?.stop();
      vi.setSystemTime(time(at));
      const from = time(lookedUntil);
      roster = createJobRoster({
        log,
        onFiringMissed: (one) => void missed.push(one),
        onRunEnded: (end) => void ended.push(end),
        onNotice: (notice) => void notices.push(notice),
        onErrand: (errand) => void errands.push(errand),
        around: {
          graces: () => ({ troubleMs: hour, steadyMs: hour }),
          now: Date.now,
          firings: {
            from: () => from,
            completeUntil: () => completeUntil(),
            outage: (first, last) =>
              outages
                .map(([begin, end]) => ({ from: time(begin), to: time(end) }))
                .find((outage) => outage.from <= last && first <= outage.to),
            isUnseen: (due) => gaps.some(([first, last]) => time(first) <= due && due <= time(last)),
          },
        },
      });
    },
    show: (job: Shown = {}) => accept(objectEvent(job)),
    goes: () => accept({ type: 'object.gone', key, uid: 'uid-1', resourceVersion: nextVersion() }),
    run: (uid: string, due: string, endedAt?: string, createdAt?: string) =>
      accept(
        runEvent(uid, time(due), {
          endedAt: endedAt === undefined ? undefined : time(endedAt),
          createdAt: createdAt === undefined ? undefined : time(createdAt),
        }),
      ),
    pendingRun: (uid: string, due: string) => accept(runEvent(uid, time(due), { isPending: true })),
    /** A run by hand that has the name of the firing `holds`. */
    byHand: (uid: string, began: string, holds: string, endedAt?: string) => {
      const run = makeRun({
        uid,
        manual: true,
        holds: time(holds),
        createdAt: time(began),
        resourceVersion: nextVersion(),
        status: {
          startedAt: time(began),
          ...(endedAt === undefined ? {} : { conditions: [makeCondition('Complete', { changedAt: time(endedAt) })] }),
        },
      });
      accept({ type: 'run.seen', key, run });
    },
    runGoes: (uid: string) => accept(runGoneEvent(uid)),
    /** Lets the time pass. */
    until: (text: string) => void vi.advanceTimersByTime(time(text) - Date.now()),
    /** Facts are told up to a moment only. */
    lag(until: () => number): void {
      completeUntil = until;
    },
    missed: () => missed,
    forget(): void {
      [missed, errands] = [[], []];
    },
    ended: () => ended,
    notices: () => notices,
    errands: () => errands,
    roster: known,
    /** @example ['2026-03-01T13:00 unexplained'] */
    told: () =>
      missed.map(({ end }) => `${new Date(end.dueAt ?? 0).toISOString().slice(0, 16)} ${end.reason ?? end.outcome}`),
  };
}
