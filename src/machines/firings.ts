/**
 * What becomes of the firings of a schedule: each one is begun as a run, or it is told that it was not, with the cause as far as it is
 * known here. Asked by job.ts after every fact and when a firing should have begun. Pure: the facts, and the time up to which they are
 * complete, decide. When the controller starts a run and when it gives up: kubernetes.io, "CronJob", "Starting deadline".
 */
import { lastFirings, nextFirings } from '../definition/cron.ts';
import { suspensionAt } from '../definition/suspension.ts';
import { versionOf } from '../definition/version.ts';
import { whatRan } from '../definition/what-ran.ts';
import type { FiringRules, Notice, ObjectFacts, RunEnd, RunFacts, Suspension } from '../domain.ts';
import { containerStart } from './attempt.ts';
import type { JobFacts } from './job-facts.ts';
import { noticeOf } from './notices.ts';
import { conditionOf, failureOf, groupOf } from './run-end.ts';

/** What is looked at beside the facts, at the moment of use. Times are ms since the epoch. */
export interface FiringSurroundings {
  /** Firings before it were accounted for by an earlier daemon, or are nobody's news. */
  from(): number;
  /** Every fact that is older has been told. */
  completeUntil(): number;
  /** Whether facts of that moment are missing for good. */
  isUnseen(at: number): boolean;
  /** When the cluster could not be reached at some time in between. Unset: it always could. */
  outage?(from: number, to: number): Outage | undefined;
}

/** Times are ms since the epoch. */
export interface Outage {
  readonly from: number;
  readonly to: number;
}

/** How far the firings of one life of a job, under one schedule, are accounted for. */
export interface Firings {
  readonly jobUid: string;
  /** As last seen: of what had to begin before it went, or was changed, it tells what kept it from that. */
  readonly object: ObjectFacts;
  readonly schedule: string;
  readonly rules: FiringRules;
  /** The first one that is not; undefined where none will come. */
  readonly next: number | undefined;
  /** Due times, from then on, of runs that were begun; the runs may have gone. */
  readonly begun: readonly number[];
  /** Runs that have the name of a firing, from `next` on; the runs may have gone. */
  readonly held: readonly Held[];
  /** When to look again. */
  readonly lookAt: number | undefined;
}

/** A run that the service has begun under the name that the controller would give to that of a firing, which it takes it for. */
export interface Held {
  readonly due: number;
  readonly uid: string;
  readonly since: number;
  /** When it had ended, or was found to be gone. */
  readonly endedAt: number | undefined;
}

/** A firing that became no run, or of whose run nothing was seen. */
export interface MissedFiring {
  /** `reason` is `unexplained` where the cluster may know more. */
  readonly end: RunEnd;
  /** For the owner; undefined where it is what was asked for, or nobody's fault. */
  readonly notice: Notice | undefined;
  /** The cluster could not be reached when it was to begin at the latest: why, where nobody knows better. */
  readonly outage?: Outage | undefined;
  /** Nobody saw that time, and a later one was begun: so may this one have been, if it was only we who could not reach the cluster. */
  readonly mayHaveBegun?: boolean;
}

export interface Account {
  readonly firings: Firings | undefined;
  readonly missed: readonly MissedFiring[];
}

const minuteMs = 60_000;
/** Clocks of machines differ, and words take their time. */
const slackMs = 15_000;
/** The controller has a minute at least, after the cluster is back, to begin what may still begin. */
const catchUpMs = 60_000;
/** While the facts lag behind. */
const lookAgainMs = 15_000;
/** So many at once are told one by one; of more only the last ones are. */
const most = { each: 100, last: 20 } as const;
/** What the next daemon looks at again in any case (firings-mark.ts): deadlines up to here, and so long after they have passed. */
const marked = { deadlineMs: 600_000, graceMs: 60_000 } as const;
const none: readonly never[] = [];

/** @param former what the last call came to */
export function accountFor(
  facts: JobFacts,
  former: Firings | undefined,
  around: FiringSurroundings,
  now: number,
): Account {
  const { object } = facts;
  const plan = object && planOf(object);
  if (!object || !plan) return { firings: undefined, missed: abandoned(facts, former, around, now) };
  const isSame = former !== undefined && isSamePlan(former, plan);
  const current = isSame ? { ...former, ...plan } : begin(plan, object, former, around, now);
  const begun = withBegun(current, facts.runs);
  const held = withHeld(current, facts.runs, now);
  const knownUntil = Math.min(now, around.completeUntil());
  const dues = duesIn(current, knownUntil, (at) => endOfWindow(plan, at) + slackMs <= knownUntil);
  const last = dues.at(-1)?.at;
  const next = last === undefined ? current.next : firingAfter(plan, last);
  const judgedAt = next === undefined ? undefined : endOfWindow(plan, next) + slackMs;
  return {
    firings: {
      ...current,
      next,
      begun: next === undefined ? none : begun.filter((due) => due >= next),
      held: next === undefined ? none : held.filter(({ due }) => due >= next),
      lookAt: judgedAt === undefined || judgedAt > now ? judgedAt : now + lookAgainMs,
    },
    missed: [
      ...(isSame ? none : abandoned(facts, former, around, now)),
      ...notBegun(dues, begun).map((due) => missedFiring(facts, object, plan, { due, held }, around)),
    ],
  };
}

type Plan = Pick<Firings, 'jobUid' | 'object' | 'schedule' | 'rules'>;

/** Undefined for what does not fire, or fires no more. */
function planOf(object: ObjectFacts): Plan | undefined {
  const { uid, job, firing, deletingAt } = object;
  const schedule = job?.schedule?.actual;
  return schedule === undefined || !firing || deletingAt !== undefined
    ? undefined
    : { jobUid: uid, object, schedule, rules: firing };
}

function isSamePlan(one: Plan, other: Plan): boolean {
  return one.jobUid === other.jobUid && one.schedule === other.schedule && one.rules.timeZone === other.rules.timeZone;
}

/**
 * The last moment at which the run of a firing can begin: once the next one is due, the controller begins that one in its place. Firings
 * are a minute apart at least.
 */
function endOfWindow(plan: Plan, at: number): number {
  const { deadlineMs } = plan.rules;
  return Math.min(at + deadlineMs, deadlineMs <= minuteMs ? Infinity : (firingAfter(plan, at) ?? Infinity));
}

function firingAfter({ schedule, rules }: Plan, at: number): number | undefined {
  return nextFirings(schedule, at, 1, rules.timeZone)[0];
}

/** Nothing fires before it was asked for: not before the job was made, and not before its schedule was changed. */
function begin(
  plan: Plan,
  { createdAt, firing }: ObjectFacts,
  former: Firings | undefined,
  around: FiringSurroundings,
  now: number,
): Firings {
  const isEdited = former?.jobUid === plan.jobUid;
  const askedAt = isEdited ? changeOf(firing, now) : Math.max(createdAt, firing?.changedAt ?? 0);
  const from = isEdited ? askedAt : Math.max(around.from(), askedAt);
  const next = isEdited ? undefined : pendingAt(plan, from, askedAt);
  return { ...plan, next: next ?? firingAfter(plan, from), begun: none, held: none, lookAt: undefined };
}

/** The firing before `from` that was not accounted for, because its run could still begin then. */
function pendingAt(plan: Plan, from: number, askedAt: number): number | undefined {
  if (plan.rules.deadlineMs <= marked.deadlineMs) return undefined;
  const [before] = lastFirings(plan.schedule, from, 1, plan.rules.timeZone);
  return before !== undefined && before > askedAt && endOfWindow(plan, before) + marked.graceMs > from
    ? before
    : undefined;
}

/** When the schedule that was in force until then was replaced. */
function changeOf(firing: FiringRules | undefined, now: number): number {
  return Math.min(firing?.changedAt ?? now, now);
}

function withBegun({ jobUid, next, begun }: Firings, runs: readonly RunFacts[]): readonly number[] {
  const more = runs.flatMap(({ ownerUid, dueAt }) =>
    ownerUid === jobUid && dueAt !== undefined && next !== undefined && dueAt >= next && !begun.includes(dueAt)
      ? [dueAt]
      : [],
  );
  return more.length > 0 ? [...begun, ...more] : begun;
}

/** The very same array where nothing is news. */
function withHeld({ jobUid, next, held }: Firings, runs: readonly RunFacts[], now: number): readonly Held[] {
  const seen = runs.flatMap((run): Held[] => {
    const { uid, ownerUid, holds: due, createdAt, status } = run;
    if (ownerUid !== jobUid || due === undefined || next === undefined || due < next) return [];
    return [{ due, uid, since: status.startedAt ?? createdAt, endedAt: endOfRun(run) }];
  });
  if (seen.length + held.length === 0) return held;
  const gone = held.filter(({ uid }) => !seen.some((one) => one.uid === uid));
  return [...gone.map((one) => ({ ...one, endedAt: one.endedAt ?? now })), ...seen];
}

function endOfRun({ status }: RunFacts): number | undefined {
  return (conditionOf(status, 'Complete') ?? failureOf(status))?.changedAt;
}

/** A firing for which the controller has taken a run that had ended by then, while it can still be begun. */
export function standIn({ firings, object, runs }: Standing, now: number): Held | undefined {
  if (!firings || !object || object.status.suspended) return undefined;
  return firings.held.find(
    ({ due, endedAt }) =>
      endedAt !== undefined &&
      endedAt < due &&
      object.status.lastScheduledAt === due &&
      now <= due + firings.rules.deadlineMs &&
      !runs.some(({ dueAt }) => dueAt === due),
  );
}

type Standing = Pick<JobFacts, 'object' | 'runs'> & { readonly firings: Firings | undefined };

interface Due {
  readonly at: number;
  /** Stands for all firings from `at` until then. */
  readonly until?: number;
}

/** Those until then that are over and not accounted for, oldest first. */
function duesIn(firings: Firings, until: number, isOver: (at: number) => boolean): readonly Due[] {
  const { schedule, rules, next } = firings;
  if (next === undefined || next > until) return none;
  const dues: Due[] = [];
  // One by one: each costs some 50 µs, and there is seldom more than one.
  for (
    let at: number | undefined = next;
    at !== undefined && at <= until && isOver(at);
    at = firingAfter(firings, at)
  ) {
    dues.push({ at });
    if (dues.length > most.each) break;
  }
  if (dues.length <= most.each) return dues;
  // Of the very last ones the runs may still begin.
  const lastOnes = lastFirings(schedule, until + 1, most.last + 2, rules.timeZone)
    .filter(isOver)
    .slice(-most.last);
  return [{ at: next, until: (lastOnes[0] as number) - 1 }, ...lastOnes.map((at) => ({ at }))];
}

/** Of a schedule that is no more: what could still begin then will not, and what could not was kept from it by something else. */
function abandoned(
  facts: JobFacts,
  former: Firings | undefined,
  around: FiringSurroundings,
  now: number,
): readonly MissedFiring[] {
  if (!former) return none;
  const begun = withBegun(former, facts.runs);
  const { object } = facts;
  const isEdited = object?.uid === former.jobUid;
  const until = isEdited ? changeOf(object.firing, now) : now;
  const last = isEdited ? { ...object, job: former.object.job, firing: former.object.firing } : former.object;
  const then = { ...facts, object: last };
  const dues = duesIn(former, until, () => true);
  return notBegun(dues, begun).map((due) => {
    const missed = missedFiring(then, last, former, { due, held: former.held }, around);
    const wasOver = endOfWindow(former, due.at) + slackMs <= until;
    if (wasOver || missed.end.reason === 'suspended') return missed;
    return { end: endOf(then, former.jobUid, due, { outcome: 'skipped', reason: 'changed' }), notice: undefined };
  });
}

function notBegun(dues: readonly Due[], begun: readonly number[]): readonly Due[] {
  return dues.filter(({ at, until }) => until !== undefined || !begun.includes(at));
}

function missedFiring(
  facts: JobFacts,
  object: ObjectFacts,
  plan: Plan,
  { due, held }: { readonly due: Due; readonly held: readonly Held[] },
  around: FiringSurroundings,
): MissedFiring {
  const windowEnd = endOfWindow(plan, due.at);
  const outage = around.outage?.(Math.max(due.at, windowEnd - catchUpMs), windowEnd);
  const holder = held.find((one) => one.due === due.at);
  const isUnseen = around.isUnseen(due.at) && !couldNotBegin(object, due, windowEnd, outage);
  const cause = holder
    ? ({ outcome: 'skipped', reason: 'previous_run', since: holder.since } as const)
    : causeOf(object, inTheWay(facts, object, plan, due), due, isUnseen);
  const end = endOf(facts, object.uid, due, cause);
  const isNews = end.outcome === 'skipped' && end.reason !== 'suspended';
  const mayHaveBegun = around.isUnseen(due.at) && (object.status.lastScheduledAt ?? 0) > due.at;
  return { end, notice: isNews ? noticeAbout(facts, end) : undefined, outage, mayHaveBegun };
}

/** The controller has begun none since, or the cluster was away in all the time in which it could. */
function couldNotBegin(object: ObjectFacts, { at }: Due, windowEnd: number, outage: Outage | undefined): boolean {
  if (!outage) return false;
  return (object.status.lastScheduledAt ?? 0) < at || (outage.from <= at && windowEnd <= outage.to);
}

type Cause = Pick<RunEnd, 'outcome' | 'reason' | 'since' | 'suspension'>;

function causeOf(object: ObjectFacts, before: InTheWay | undefined, { at }: Due, isUnseen: boolean): Cause {
  // It was begun, and its run has come and gone unseen.
  if (object.status.lastScheduledAt === at || isUnseen) return { outcome: 'unknown', reason: undefined };
  const suspension = suspensionAt(object, at);
  if (suspension)
    return { outcome: 'skipped', reason: 'suspended', ...(suspension === true ? {} : bySuspension(suspension)) };
  if (!before) return { outcome: 'skipped', reason: 'unexplained' };
  const { run, hadBegun } = before;
  return hadBegun
    ? { outcome: 'skipped', reason: 'previous_run', since: run.status.startedAt ?? run.createdAt }
    : { outcome: 'skipped', reason: 'previous_pending', since: run.createdAt };
}

function bySuspension({ since, by, note, until }: Suspension): Pick<RunEnd, 'since' | 'suspension'> {
  return { since, suspension: { by, note, until } };
}

interface InTheWay {
  readonly run: RunFacts;
  /** Whether its program ran by then. */
  readonly hadBegun: boolean;
}

/** The run that was going when this one could begin: where it ended before that was over, it held up nothing. */
function inTheWay(facts: JobFacts, object: ObjectFacts, plan: Plan, { at }: Due): InTheWay | undefined {
  if (plan.rules.concurrency !== 'forbid') return undefined;
  const last = Math.max(at, endOfWindow(plan, at) - slackMs);
  const run = ownRuns(facts, object).find((one) => one.createdAt < at && isUnderWay(one, last));
  return run && { run, hadBegun: hadBegun(facts, run, last) };
}

/** Pods that have gone were counted. */
function hadBegun({ pods }: JobFacts, { uid, status }: RunFacts, at: number): boolean {
  const own = pods.filter(({ ownerUid }) => ownerUid === uid);
  if (own.length < status.active + status.failed + status.succeeded) return true;
  return own.some((pod) => (containerStart(pod) ?? Infinity) <= at);
}

/** Runs that the controller knows for its own: only for those does the next one wait. */
function ownRuns({ runs }: JobFacts, { uid }: ObjectFacts): readonly RunFacts[] {
  return runs.filter(({ ownerUid, manual, holds }) => ownerUid === uid && (!manual || holds !== undefined));
}

function isUnderWay({ status }: RunFacts, at: number): boolean {
  const ended = conditionOf(status, 'Complete') ?? failureOf(status);
  return ended === undefined || (ended.changedAt ?? 0) >= at;
}

function endOf(facts: JobFacts, jobUid: string, { at, until }: Due, cause: Cause): RunEnd {
  const { key, object } = facts;
  return {
    key,
    ...groupOf(facts),
    id: `${jobUid}/${at / 1_000}`,
    jobUid,
    manual: false,
    createdAt: at,
    dueAt: at,
    dueUntil: until,
    startedAt: undefined,
    finishedAt: undefined,
    exitCode: undefined,
    signal: undefined,
    attempts: 0,
    ran: object?.job && whatRan(object.job, undefined),
    version: versionOf(object),
    clusterSays: undefined,
    since: undefined,
    ...cause,
  };
}

function noticeAbout(facts: JobFacts, { id, createdAt, reason, since }: RunEnd): Notice {
  return noticeOf(facts, 'failed', id, undefined, {
    id: `${id}/skipped`,
    at: createdAt,
    isSkipped: true,
    reason,
    since,
  });
}
