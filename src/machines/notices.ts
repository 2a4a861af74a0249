/**
 * What happened to a job that its owner may want to hear of, read from all that is known of it. Asked by job.ts after every fact and when
 * time has passed; each notice is told once. Pure: the same facts give the same notices with the same ids, in whatever order they came.
 */
import { suspensionNow } from '../definition/suspension.ts';
import { whatRan } from '../definition/what-ran.ts';
import {
  isQuotaRefusal,
  type Notice,
  type NoticeKind,
  type ObjectFacts,
  type PodFacts,
  type RunEnd,
} from '../domain.ts';
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
import { type JobFacts, ownPods } from './job-facts.ts';
import { conditionOf, endOf, failureOf, hasNoPod, isCertain, lastPod, podsOf, type Run, runsIn } from './run-end.ts';

/** How long a state has to last before it is told, in ms. */
export interface Graces {
  /** Something that keeps a job from starting. */
  readonly troubleMs: number;
  /** A continuous job that runs. */
  readonly steadyMs: number;
}

export interface Sign {
  readonly notice: Notice;
  /** Uids of the objects that show it. */
  readonly shownBy: readonly string[];
  /** When it is to be told, ms since the epoch; undefined: at once. */
  readonly dueAt: number | undefined;
}

/** Everything that there is to tell of the job as it is, told or not. */
export function signsOf(facts: JobFacts, graces: Graces): readonly Sign[] {
  const { key, object } = facts;
  if (!object) return noSigns;
  return key.kind === 'Deployment'
    ? signsOfCopies(facts, graces)
    : [...runsIn(facts).flatMap((run) => signsOfRun(facts, run, graces)), ...signsOfSuspension(facts, object)];
}

/** What its owner did is no news to him. */
function signsOfSuspension(facts: JobFacts, object: ObjectFacts): Sign[] {
  const suspension = suspensionNow(object);
  if (suspension?.by !== 'service') return [];
  const { uid } = object;
  const id = `${uid}/suspended/${suspension.since}`;
  return [told(noticeOf(facts, 'suspended', uid, undefined, { id, at: suspension.since }), uid)];
}

const noSigns: readonly Sign[] = [];

/** The end of a run that will not be heard of again; nothing for what nobody saw, or its owner ended. */
export function signOfEnd(facts: JobFacts, end: RunEnd): Sign | undefined {
  const run = runsIn(facts).find(({ uid }) => uid === end.id);
  return run && signOf(facts, run, end);
}

function signsOfRun(facts: JobFacts, run: Run, graces: Graces): Sign[] {
  const pods = podsOf(facts, run);
  const first = pods.findLast(hasStarted);
  const at = first && containerStart(first);
  const started =
    first && at !== undefined
      ? [told(noticeOf(facts, 'started', run.uid, first, { id: `${run.uid}/started`, at, startedAt: at }), first.uid)]
      : [];
  const end = isCertain(facts, run) ? signOf(facts, run, endOf(facts, run)) : undefined;
  const isOver = end !== undefined || run.deletingAt !== undefined || run.status.suspended;
  return [
    ...started,
    ...retriesOf(facts, run, pods),
    ...(end ? [end] : isOver ? [] : troublesOf(facts, run, pods, graces)),
  ];
}

/** Attempts that failed, after which the run went on with another one: that one is what tells. */
function retriesOf(facts: JobFacts, run: Run, pods: readonly PodFacts[]): Sign[] {
  return pods.slice(1).flatMap((pod, index) => {
    const end = endOfContainer(pod);
    if (pod.phase !== 'Failed' || !end || wasStopped(pod)) return [];
    const id = `${pod.uid}/restarted`;
    const at = end.finishedAt ?? pod.createdAt;
    const next = pods[index] as PodFacts;
    return [told(noticeOf(facts, 'restarted', run.uid, pod, { id, at, ...endFields(end, pod) }), pod.uid, next.uid)];
  });
}

function signOf(facts: JobFacts, run: Run, end: RunEnd): Sign | undefined {
  const { outcome } = end;
  if (end.reason === 'replaced' && end.startedAt === undefined && end.pod === undefined) return noPodOf(facts, run);
  if (outcome !== 'succeeded' && outcome !== 'failed') return undefined;
  const kind = outcome === 'succeeded' ? 'finished' : 'failed';
  const pods = podsOf(facts, run);
  const pod = lastPod(pods, outcome) ?? pods[0];
  const condition = failureOf(run.status);
  const notice = noticeOf(facts, kind, run.uid, pod, {
    id: `${run.uid}/${kind}`,
    at: end.finishedAt ?? condition?.changedAt ?? end.createdAt,
    startedAt: end.startedAt,
    finishedAt: end.finishedAt,
    reason: end.reason,
    exitCode: end.exitCode,
    signal: end.signal,
    attempts: end.attempts,
    ran: end.ran,
    ...wordsOf(endOfContainer(pod), pod),
  });
  return told(notice, run.uid, ...pods.map(({ uid }) => uid));
}

/** What keeps a run from starting: the newest pod says, or that there is none. */
function troublesOf(facts: JobFacts, run: Run, pods: readonly PodFacts[], graces: Graces): Sign[] {
  const [pod] = pods;
  if (pod) return troubleOfPod(facts, run.uid, pod, graces);
  if (!hasNoPod(facts, run)) return [];
  return [due(noPodOf(facts, run).notice, run.createdAt + graces.troubleMs, run.uid)];
}

function noPodOf(facts: JobFacts, run: Run): Sign {
  const id = `${run.uid}/no-pod`;
  return told(noticeOf(facts, 'failed', run.uid, undefined, { id, at: run.createdAt, reason: 'not_started' }), run.uid);
}

function troubleOfPod(facts: JobFacts, run: string, pod: PodFacts, { troubleMs }: Graces): Sign[] {
  const trouble = pod.deletingAt === undefined && !hasEnded(pod) ? troubleIn(pod) : undefined;
  if (!trouble) return [];
  const since = trouble.since ?? pod.startedAt ?? pod.createdAt;
  const notice = noticeOf(facts, 'failed', run, pod, {
    id: `${pod.uid}/stuck/${trouble.reason}`,
    at: since,
    reason: trouble.reason,
    clusterSays: trouble.says,
  });
  return [due(notice, since + troubleMs, pod.uid)];
}

function signsOfCopies(facts: JobFacts, graces: Graces): Sign[] {
  const { object } = facts;
  if (!object || object.deletingAt !== undefined) return [];
  const pods = ownPods(facts);
  const isRunning = pods.some((pod) => pod.container?.state?.kind === 'running' && pod.deletingAt === undefined);
  const refused = conditionOf(object.status, 'ReplicaFailure');
  return [
    ...(refused && !isRunning ? [refusalOf(facts, object.uid, refused, graces)] : []),
    ...pods.flatMap((pod) => signsOfCopy(facts, pod, graces)),
  ];
}

type Condition = NonNullable<ReturnType<typeof conditionOf>>;

function refusalOf(facts: JobFacts, uid: string, { changedAt, message }: Condition, { troubleMs }: Graces): Sign {
  const since = changedAt ?? 0;
  const reason = isQuotaRefusal(message ?? '') ? 'quota' : 'not_started';
  const id = `${uid}/refused/${since}`;
  const notice = noticeOf(facts, 'failed', uid, undefined, { id, at: since, reason, clusterSays: message });
  return due(notice, since + troubleMs, uid);
}

function signsOfCopy(facts: JobFacts, pod: PodFacts, graces: Graces): Sign[] {
  const start = containerStart(pod) ?? containerStartOf(pod.container?.last);
  const started =
    start === undefined
      ? []
      : [
          told(
            noticeOf(facts, 'started', pod.uid, pod, { id: `${pod.uid}/started`, at: start, startedAt: start }),
            pod.uid,
          ),
        ];
  return [
    ...started,
    ...endsOfCopy(facts, pod),
    ...(isEvicted(pod) ? [evictionOf(facts, pod)] : []),
    ...troubleOfPod(facts, pod.uid, pod, graces),
    ...steadinessOf(facts, pod, graces),
  ];
}

function containerStartOf(state: NonNullable<PodFacts['container']>['last']): number | undefined {
  return state?.kind === 'terminated' ? state.startedAt || undefined : undefined;
}

/**
 * The container that ended and the one before it. `restartCount` is the number of the container there is: that of the one that ended too,
 * as long as it waits for its next start, and one more once that runs.
 */
function endsOfCopy(facts: JobFacts, pod: PodFacts): Sign[] {
  const { container } = pod;
  if (!container || isEvicted(pod) || wasStopped(pod)) return [];
  const { restarts, state, last } = container;
  const ends: (Sign | undefined)[] = [];
  if (last?.kind === 'terminated')
    ends.push(endOfCopy(facts, pod, last, state?.kind === 'waiting' ? restarts : restarts - 1));
  if (state?.kind === 'terminated') ends.push(endOfCopy(facts, pod, state, restarts));
  return ends.filter((sign) => sign !== undefined);
}

function endOfCopy(facts: JobFacts, pod: PodFacts, end: EndedState, ordinal: number): Sign | undefined {
  const reason = end.exitCode === 0 && signalOf(end) === undefined ? undefined : reasonOfEnd(end);
  const kind: NoticeKind = reason === undefined ? 'restarted' : 'failed';
  const notice = noticeOf(facts, kind, pod.uid, pod, {
    id: `${pod.uid}/${ordinal}/${kind}`,
    at: end.finishedAt ?? pod.createdAt,
    attempts: ordinal + 1,
    reason,
    ...endFields(end, pod),
  });
  return told(notice, pod.uid);
}

function evictionOf(facts: JobFacts, pod: PodFacts): Sign {
  const target = conditionOf(pod, 'DisruptionTarget');
  const end = endOfContainer(pod);
  const notice = noticeOf(facts, 'failed', pod.uid, pod, {
    id: `${pod.uid}/evicted`,
    at: target?.changedAt ?? end?.finishedAt ?? pod.deletingAt ?? pod.createdAt,
    startedAt: containerStart(pod),
    finishedAt: end?.finishedAt,
    reason: 'evicted',
    clusterSays: pod.message ?? target?.message,
  });
  return told(notice, pod.uid);
}

function steadinessOf(facts: JobFacts, pod: PodFacts, { steadyMs }: Graces): Sign[] {
  const state = pod.container?.state;
  if (state?.kind !== 'running' || state.startedAt === undefined || pod.deletingAt !== undefined) return [];
  const at = state.startedAt + steadyMs;
  const id = `${pod.uid}/${pod.container?.restarts}/steady`;
  return [due(noticeOf(facts, 'steady', pod.uid, pod, { id, at, startedAt: state.startedAt }), at, pod.uid)];
}

/** Whoever deleted it wanted it to end; what it makes of that says nothing about it. */
function wasStopped(pod: PodFacts): boolean {
  return pod.deletingAt !== undefined && !isEvicted(pod);
}

/** What the container that ended says of itself. */
function endFields(end: EndedState, pod?: PodFacts): Partial<Notice> {
  return {
    startedAt: end.startedAt || undefined,
    finishedAt: end.finishedAt,
    exitCode: end.exitCode,
    signal: signalOf(end),
    ...wordsOf(end, pod),
  };
}

/** The last message of a container that ran is its own; that of one that did not, the cluster's. */
function wordsOf(end: EndedState | undefined, pod: PodFacts | undefined): Pick<Notice, 'jobSays' | 'clusterSays'> {
  const isOwn = end !== undefined && ['Error', 'Completed', 'OOMKilled'].includes(end.reason ?? '');
  return {
    jobSays: isOwn ? end.message : undefined,
    clusterSays: pod?.message ?? (isOwn ? undefined : end?.message),
  };
}

const longestWords = 500;

/** @param fields what is known of it; everything else is as of something of which nothing more is */
export function noticeOf(
  { key, object }: JobFacts,
  kind: NoticeKind,
  run: string,
  pod: PodFacts | undefined,
  fields: Pick<Notice, 'id' | 'at'> & Partial<Notice>,
): Notice {
  return {
    kind,
    key,
    emails: object?.job?.emails ?? 'none',
    jobUid: object?.uid,
    run,
    pod: pod?.name,
    startedAt: undefined,
    finishedAt: undefined,
    reason: undefined,
    exitCode: undefined,
    signal: undefined,
    attempts: 0,
    ran: object?.job && whatRan(object.job, pod?.container?.imageDigest),
    ...(key.kind === 'CronJob' && object?.status.suspended ? { isSuspended: true } : {}),
    ...fields,
    jobSays: fields.jobSays?.slice(0, longestWords),
    clusterSays: fields.clusterSays?.slice(0, longestWords),
  };
}

function told(notice: Notice, ...shownBy: string[]): Sign {
  return { notice, shownBy, dueAt: undefined };
}

function due(notice: Notice, dueAt: number, ...shownBy: string[]): Sign {
  return { notice, shownBy, dueAt };
}
