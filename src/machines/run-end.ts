/**
 * When and how a run has ended: a run of a one-off job is the job's own object, one of a scheduled job a Job that it owns. Asked by job.ts
 * after every fact; each end is told once. Pure. Conditions and reasons: kubernetes.io, "Jobs" and "Pod Lifecycle".
 */
import { versionOf } from '../definition/version.ts';
import { whatRan } from '../definition/what-ran.ts';
import type { Condition, FailureReason, ObjectStatus, PodFacts, RunEnd } from '../domain.ts';
import {
  containerStart,
  type EndedState,
  endOfContainer,
  hasEnded,
  hasStarted,
  isEvicted,
  reasonOfEnd,
  signalOf,
  troubleIn,
} from './attempt.ts';
import type { JobFacts } from './job-facts.ts';
import { replacedAt } from './replaced.ts';

/** A run, whichever object tells of it. */
export interface Run {
  readonly uid: string;
  readonly jobUid: string | undefined;
  readonly manual: boolean;
  readonly createdAt: number;
  readonly dueAt?: number | undefined;
  readonly deletingAt: number | undefined;
  readonly status: ObjectStatus;
  /** Attempts that may fail without ending it; undefined where that is not known. */
  readonly retry: number | undefined;
}

const noEnds: readonly RunEnd[] = [];

/** Ends that are certain and complete, and not told yet. */
export function endsToTell(facts: JobFacts): readonly RunEnd[] {
  const ended = runsIn(facts).filter((run) => !facts.told.includes(run.uid) && isCertain(facts, run));
  return ended.length === 0 ? noEnds : ended.map((run) => lastWord(facts, run));
}

/** What is known of a run that will not be heard of again; undefined for what is no run, or has been told. */
export function endOfGone(facts: JobFacts, uid: string | undefined, now: number): RunEnd | undefined {
  const run = runsIn(facts).find((one) => one.uid === uid);
  if (!run || facts.told.includes(run.uid)) return undefined;
  const end = lastWord(facts, run);
  const isOpen = end.outcome === 'unknown' || end.outcome === 'stopped';
  const at = isOpen ? replacedAt(facts, run, now) : undefined;
  return at === undefined ? end : { ...end, outcome: 'stopped', reason: 'replaced', finishedAt: end.finishedAt ?? at };
}

function lastWord(facts: JobFacts, run: Run): RunEnd {
  return { ...endOf(facts, run), version: versionOf(facts.object) };
}

export function forget(told: readonly string[], uid: string | undefined): readonly string[] {
  return uid !== undefined && told.includes(uid) ? told.filter((one) => one !== uid) : told;
}

export function runsIn({ key, object, runs }: JobFacts): readonly Run[] {
  switch (key.kind) {
    case 'Job':
      return object ? [{ ...object, jobUid: object.uid, manual: false, retry: object.job?.retry }] : [];
    case 'CronJob':
      return runs.map((run) => ({ ...run, jobUid: run.ownerUid, retry: undefined }));
    case 'Deployment':
      return [];
  }
}

/**
 * The Job says that it is over, and its pods, whose words come by another watch, have said as much as it has counted. Where it has ended
 * its pods itself they may never say anything.
 */
export function isCertain(facts: JobFacts, run: Run): boolean {
  const pods = podsOf(facts, run);
  if (conditionOf(run.status, 'Complete')) return pods.some(({ phase }) => phase === 'Succeeded');
  const failed = failureOf(run.status);
  if (!failed) return false;
  // Said before the last failure is counted, of a pod that is being deleted.
  const failures = Math.max(run.status.failed, 1);
  return isPastDeadline(failed) || pods.filter(({ phase }) => phase === 'Failed').length >= failures;
}

export function endOf(facts: JobFacts, run: Run): RunEnd {
  const pods = podsOf(facts, run);
  const outcome = outcomeOf(run, pods);
  const last = lastPod(pods, outcome);
  const end = endOfContainer(last);
  const isKnown = outcome === 'succeeded' || outcome === 'failed';
  const condition = conditionOf(run.status, 'Complete') ?? failureOf(run.status);
  const reason = outcome === 'failed' ? reasonOf(facts, run, pods, last) : undefined;
  return {
    key: facts.key,
    ...groupOf(facts),
    id: run.uid,
    jobUid: run.jobUid,
    manual: run.manual,
    createdAt: run.createdAt,
    dueAt: run.dueAt,
    startedAt: startOf(run, pods),
    finishedAt: isKnown ? (end?.finishedAt ?? condition?.changedAt) : run.deletingAt,
    outcome,
    reason,
    ...(isKnown ? codesOf(reason, end) : { exitCode: undefined, signal: undefined }),
    attempts: Math.max(run.status.failed + run.status.succeeded, pods.filter(hasEnded).length),
    ran: facts.object?.job && whatRan(facts.object.job, (last ?? pods[0])?.container?.imageDigest),
    pod: (last ?? pods[0])?.name,
  };
}

/** Nothing for what is all of its job. */
export function groupOf({ object }: JobFacts): Pick<RunEnd, 'group'> {
  const group = object?.job?.group;
  return group === undefined ? {} : { group };
}

/** The attempt that decided. */
export function lastPod(pods: readonly PodFacts[], outcome: RunEnd['outcome']): PodFacts | undefined {
  return pods.find(({ phase }) => phase === (outcome === 'succeeded' ? 'Succeeded' : 'Failed'));
}

/** What the Job says counts, then what its pods have; a deletion that began before either explains the rest. */
function outcomeOf({ status, retry, deletingAt }: Run, pods: readonly PodFacts[]): RunEnd['outcome'] {
  if (conditionOf(status, 'Complete')) return 'succeeded';
  const failure = failureOf(status);
  // What a deletion makes of a run is no failure.
  if (failure && !(deletingAt !== undefined && (failure.changedAt ?? 0) >= deletingAt)) return 'failed';
  if (pods[0]?.phase === 'Succeeded') return 'succeeded';
  if (deletingAt !== undefined) return 'stopped';
  const failed = pods.filter(({ phase }) => phase === 'Failed').length;
  return retry !== undefined && failed > retry ? 'failed' : 'unknown';
}

function reasonOf(
  { departed }: JobFacts,
  { uid, status }: Run,
  pods: readonly PodFacts[],
  last: PodFacts | undefined,
): FailureReason {
  const before = departed.find(({ ownerUid }) => ownerUid === uid)?.reason;
  if (isPastDeadline(failureOf(status)))
    return pods.some(hasStarted) ? 'deadline' : (whyNotStarted(pods) ?? before ?? 'not_started');
  if (last ? isEvicted(last) : before === 'evicted' || pods.some(isEvicted)) return 'evicted';
  const end = endOfContainer(last);
  if (!end) return last ? 'lost' : 'other';
  return reasonOfEnd(end);
}

function whyNotStarted(pods: readonly PodFacts[]): FailureReason | undefined {
  return pods.map(troubleIn).find((trouble) => trouble !== undefined)?.reason;
}

/** A run past its deadline was ended by the cluster: what its program made of that says nothing about it. */
function codesOf(reason: RunEnd['reason'], end: EndedState | undefined): Pick<RunEnd, 'exitCode' | 'signal'> {
  const isOwn = reason === undefined || ['exit_code', 'signal', 'out_of_memory'].includes(reason);
  if (!end || !isOwn) return { exitCode: undefined, signal: undefined };
  return { exitCode: end.exitCode, signal: signalOf(end) };
}

/** The cluster has made none yet, as far as is known: what has gone is still counted. */
export function hasNoPod(facts: JobFacts, run: Run): boolean {
  const { active, failed, succeeded } = run.status;
  return podsOf(facts, run).length === 0 && active + failed + succeeded === 0;
}

/** A Job is said to start when it is made: it tells nothing of a program before a pod of it was counted. */
function startOf({ status }: Run, pods: readonly PodFacts[]): number | undefined {
  if (pods.length === 0) return status.active + status.failed + status.succeeded > 0 ? status.startedAt : undefined;
  const starts = pods.flatMap((pod) => containerStart(pod) ?? []);
  return starts.length > 0 ? Math.min(...starts) : undefined;
}

function isPastDeadline(failed: Condition | undefined): boolean {
  return failed?.reason === 'DeadlineExceeded';
}

/**
 * A Job that is past its deadline says so first as FailureTarget, and as Failed only when its pods have been ended and are gone, and their
 * words with them (kubernetes.io, "Jobs", "Terminal Job conditions").
 */
export function failureOf(status: Pick<ObjectStatus, 'conditions'>): Condition | undefined {
  return conditionOf(status, 'Failed') ?? conditionOf(status, 'FailureTarget');
}

/** Newest first. */
export function podsOf({ pods }: JobFacts, { uid }: Run): readonly PodFacts[] {
  return pods.filter(({ ownerUid }) => ownerUid === uid);
}

export function conditionOf({ conditions }: Pick<ObjectStatus, 'conditions'>, type: string): Condition | undefined {
  return conditions.find((condition) => condition.type === type && condition.status === 'True');
}
