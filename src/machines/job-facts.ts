/**
 * What one job's actor knows, and which of it belongs together. Pure. Facts come from four watches without an order among them and from
 * replies to writes: anything may arrive early, late or twice, and the result must be the same.
 */
import type { FailureReason, JobKey, ObjectFacts, PodFacts, RunFacts } from '../domain.ts';
import { isNewerVersion } from '../resource-version.ts';
import { hasEnded, hasStarted, isEvicted, troubleIn } from './attempt.ts';

export interface JobFacts {
  readonly key: JobKey;
  readonly object: ObjectFacts | undefined;
  /** The latest version known of any object under this key, deletions included: a former life never comes back. */
  readonly version: string;
  /** True once an object was there and went, until the next one comes. */
  readonly ended: boolean;
  /** Of every life; newest first. */
  readonly runs: readonly RunFacts[];
  /** Of every life; newest first. */
  readonly pods: readonly PodFacts[];
  /** Uids that are gone for good; the latest first, the oldest are let go. */
  readonly gone: readonly string[];
  /** Of pods that have gone, what kept them from their work: the word of the Job may come after. The latest first, the oldest are let go. */
  readonly departed: readonly Departed[];
  /** Uids of runs, still there, of which the end has been told. */
  readonly told: readonly string[];
  /** Ids of notices that have been told; those of uids that are gone are let go. */
  readonly noticed: readonly string[];
  /** Uids of objects of which nothing new was heard since the start: what they alone show was told before it. */
  readonly old: readonly string[];
}

export interface Departed {
  readonly ownerUid: string;
  readonly reason: FailureReason;
}

/** One for all jobs: most of them have none. */
const none: readonly never[] = [];

/** More than can be overtaken by a late event: versions of one object arrive in order but for the reply to a write. */
const maxGone = 32;
const maxDeparted = 4;

export function noFacts(key: JobKey): JobFacts {
  return {
    key,
    object: undefined,
    version: '',
    ended: false,
    runs: none,
    pods: none,
    gone: none,
    departed: none,
    told: none,
    noticed: none,
    old: none,
  };
}

/** Whether a state of the object tells anything: it is later than the latest known, and not of an object that is gone. */
export function isNewObject(facts: JobFacts, object: ObjectFacts): boolean {
  return !facts.gone.includes(object.uid) && isNewerVersion(object.resourceVersion, facts.version);
}

/** The same for a run or a pod, each of which has a history of its own. */
export function isNewPart(
  parts: readonly (RunFacts | PodFacts)[],
  gone: readonly string[],
  part: RunFacts | PodFacts,
): boolean {
  if (gone.includes(part.uid)) return false;
  const known = parts.find(({ uid }) => uid === part.uid);
  return known === undefined || isNewerVersion(part.resourceVersion, known.resourceVersion);
}

/** Uid of the object whose place another one takes. */
export function formerUid({ object: former }: JobFacts, object: ObjectFacts): string | undefined {
  return former && former.uid !== object.uid ? former.uid : undefined;
}

/** An object with another uid begins a new life: the former one is gone, even if its end was never told. */
export function withObject(facts: JobFacts, object: ObjectFacts): Partial<JobFacts> {
  const former = formerUid(facts, object);
  const gone = former === undefined ? facts.gone : bury(facts.gone, former);
  return { object, version: object.resourceVersion, ended: false, gone };
}

export function withoutObject(facts: JobFacts, uid: string, resourceVersion: string): Partial<JobFacts> {
  const object = facts.object?.uid === uid ? undefined : facts.object;
  const version = isNewerVersion(resourceVersion, facts.version) ? resourceVersion : facts.version;
  return { object, version, ended: object === undefined, gone: bury(facts.gone, uid) };
}

export function withPart<Part extends RunFacts | PodFacts>(parts: readonly Part[], part: Part): Part[] {
  return [...parts.filter(({ uid }) => uid !== part.uid), part].sort(newestFirst);
}

export function withoutPart<Part extends RunFacts | PodFacts>(parts: readonly Part[], uid: string): readonly Part[] {
  return parts.some((part) => part.uid === uid) ? parts.filter((part) => part.uid !== uid) : parts;
}

export function bury(gone: readonly string[], uid: string): readonly string[] {
  return gone.includes(uid) ? gone : [uid, ...gone].slice(0, maxGone);
}

/** The last word of a pod that is taken away says nothing any more of what kept it from starting. */
export function withPod({ pods, departed }: JobFacts, pod: PodFacts): Partial<JobFacts> {
  const former = pods.find(({ uid }) => uid === pod.uid);
  const isLeaving = pod.deletingAt !== undefined || hasEnded(pod);
  const isSilent = isLeaving && !hasStarted(pod) && !isEvicted(pod) && !troubleIn(pod);
  return {
    pods: withPart(pods, pod),
    departed: former && isSilent ? withDeparted(departed, former) : departed,
  };
}

export function withoutPod({ pods, gone, departed }: JobFacts, uid: string): Partial<JobFacts> {
  const pod = pods.find((one) => one.uid === uid);
  return {
    pods: withoutPart(pods, uid),
    gone: bury(gone, uid),
    departed: pod ? withDeparted(departed, pod) : departed,
  };
}

function withDeparted(departed: readonly Departed[], pod: PodFacts): readonly Departed[] {
  const { ownerUid } = pod;
  const reason = hinderedBy(pod);
  return ownerUid === undefined || !reason ? departed : [{ ownerUid, reason }, ...departed].slice(0, maxDeparted);
}

/** An eviction, or what kept it from starting; one that ran until it was taken away can have been ended for its deadline only. */
function hinderedBy(pod: PodFacts): FailureReason | undefined {
  if (isEvicted(pod)) return 'evicted';
  if (hasEnded(pod)) return undefined;
  return hasStarted(pod) ? 'deadline' : troubleIn(pod)?.reason;
}

/** Kubernetes stamps whole seconds: within one, name and uid decide, so that the order does not hang on who came first. */
function newestFirst(one: RunFacts | PodFacts, other: RunFacts | PodFacts): number {
  return other.createdAt - one.createdAt || compareText(other.name, one.name) || compareText(one.uid, other.uid);
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** The runs of the object that is there now: a scheduled job's, by owner. */
export function ownRuns({ object, runs }: JobFacts): readonly RunFacts[] {
  return object ? keep(runs, (run) => run.ownerUid === object.uid) : [];
}

/**
 * The pods of the object that is there now. A pod of a continuous job belongs to a ReplicaSet nobody watches, so there the time decides;
 * a pod of the very second in which the object was made is taken for a former life's if it is being deleted already. So no pod of a
 * former life is ever shown; one of the next life may be, until the word of its Deployment arrives.
 */
export function ownPods(facts: JobFacts): readonly PodFacts[] {
  const { object, pods } = facts;
  if (!object) return [];
  switch (facts.key.kind) {
    case 'Job':
      return keep(pods, (pod) => pod.ownerUid === object.uid);
    case 'CronJob': {
      const owners = new Set(ownRuns(facts).map(({ uid }) => uid));
      return keep(pods, (pod) => pod.ownerUid !== undefined && owners.has(pod.ownerUid));
    }
    case 'Deployment':
      return keep(pods, (pod) => isOfThisDeployment(object, pod));
  }
}

function isOfThisDeployment(object: ObjectFacts, pod: PodFacts): boolean {
  if (pod.createdAt === object.createdAt) return pod.deletingAt === undefined || object.deletingAt !== undefined;
  return pod.createdAt > object.createdAt;
}

/** filter(), but the same array where it would only be copied. */
function keep<Part>(parts: readonly Part[], isKept: (part: Part) => boolean): readonly Part[] {
  return parts.every(isKept) ? parts : parts.filter(isKept);
}

/** A uid is old until something new is heard of it. */
export function withAge(old: readonly string[], uid: string, isOld: boolean): readonly string[] {
  if (old.includes(uid) === isOld) return old;
  return isOld ? [...old, uid] : old.filter((one) => one !== uid);
}
