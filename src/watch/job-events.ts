/**
 * A Kubernetes object as a fact about a job, or the reason why it is none. All knowledge of the shapes of pods, Jobs, CronJobs and
 * Deployments is here, except how a definition is written into an object. Pure, and total: no input makes it throw.
 */
import { longestDeadlineSeconds, readFiringSpec } from '../definition/firing-rules.ts';
import { annotationNames } from '../definition/labels.ts';
import { suspensionOf } from '../definition/suspension.ts';
import type {
  Component,
  FiringRules,
  JobDefinition,
  JobEvent,
  JobKey,
  KubeKind,
  KubeObject,
  ObjectFacts,
  ResolvedJob,
  RunFacts,
  WatchedKind,
} from '../domain.ts';
import { integerAt, listAt, textAt, timeAt } from '../fields.ts';
import type { ChangeType } from './object-book.ts';
import { readObjectStatus } from './object-status.ts';
import { readPod } from './pod-facts.ts';

/** The definition inside a Job, CronJob or Deployment, or why the object is not one of ours. Handed in by the hallway. */
export type ReadJob = (
  object: KubeObject,
) => { readonly job: ResolvedJob; readonly definition: JobDefinition | undefined } | { readonly foreign: string };

export type DropReason = 'no_identity' | 'no_tool_namespace' | 'label_mismatch' | 'no_job';

export interface Dropped {
  readonly dropped: DropReason;
}

export function isDropped(result: JobEvent | Dropped): result is Dropped {
  return 'dropped' in result;
}

/** Which of the three things an object is to a job, and to which job. */
interface Place {
  readonly part: 'object' | 'run' | 'pod';
  readonly key: JobKey;
}

/** What every object has; `labels` may hold anything. */
interface Identity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly component: string | undefined;
  readonly jobName: string | undefined;
}

const kindOfComponent: Readonly<Record<Component, KubeKind>> = {
  jobs: 'Job',
  cronjobs: 'CronJob',
  deployments: 'Deployment',
};

/**
 * `kind` is the collection the object came from: items of a list do not say it themselves. The namespace says whose it is: an
 * object whose label says otherwise is shown as foreign, its pods and runs are dropped; a deletion is believed whatever the labels are by then.
 * @example toJobEvent('Pod', 'MODIFIED', pod, readJob) -> { type: 'pod.seen', key: { namespace: 'tool-a', kind: 'Job', name: 'daily' }, pod }
 */
export function toJobEvent(
  kind: WatchedKind,
  type: ChangeType,
  object: KubeObject,
  readJob: ReadJob,
): JobEvent | Dropped {
  const id = identify(object);
  if (!id) return { dropped: 'no_identity' };
  if (!id.namespace.startsWith('tool-')) return { dropped: 'no_tool_namespace' };
  const place = placeOf(kind, id, object);
  if (!place) return { dropped: 'no_job' };
  const { uid, resourceVersion } = id;
  if (type === 'DELETED') return { type: `${place.part}.gone`, key: place.key, uid, resourceVersion };
  const isOwn = isCreatedByItsTool(id.namespace, object);
  if (place.part === 'object') {
    const read = isOwn ? readJob : () => ({ foreign: 'Its labels name another tool.' });
    return { type: 'object.seen', key: place.key, object: readObject(place.key, id, object, read) };
  }
  if (!isOwn) return { dropped: 'label_mismatch' };
  if (place.part === 'pod') return { type: 'pod.seen', key: place.key, pod: readPod(place.key, id, object) };
  return { type: 'run.seen', key: place.key, run: readRun(place.key, id, object) };
}

function identify(object: KubeObject): Identity | undefined {
  const namespace = textAt(object, 'metadata', 'namespace');
  const name = textAt(object, 'metadata', 'name');
  const uid = textAt(object, 'metadata', 'uid');
  const resourceVersion = textAt(object, 'metadata', 'resourceVersion');
  if (!namespace || !name || !uid || !resourceVersion) return undefined;
  const component = labelOf(object, 'app.kubernetes.io/component');
  return { namespace, name, uid, resourceVersion, component, jobName: labelOf(object, 'app.kubernetes.io/name') };
}

function labelOf(object: KubeObject, name: string): string | undefined {
  return textAt(object, 'metadata', 'labels', name) || undefined;
}

function isCreatedByItsTool(namespace: string, object: KubeObject): boolean {
  const createdBy = labelOf(object, 'app.kubernetes.io/created-by');
  return createdBy === undefined || namespace === `tool-${createdBy}`;
}

function placeOf(kind: WatchedKind, id: Identity, object: KubeObject): Place | undefined {
  const { namespace } = id;
  if (kind === 'Pod') {
    const key = keyOfPod(id, object);
    return key && { part: 'pod', key };
  }
  if (kind === 'Job') {
    const name = nameOfScheduledJob(id, object);
    if (name !== undefined) return { part: 'run', key: { namespace, kind: 'CronJob', name } };
  }
  return { part: 'object', key: { namespace, kind, name: id.name } };
}

/** Undefined for a Job that is no run of a scheduled job. An owner decides, then the label; the names of runs end in `-<number>`. */
function nameOfScheduledJob(id: Identity, job: KubeObject): string | undefined {
  const owner = ownerOf(job, 'CronJob');
  if (!owner && id.component !== 'cronjobs') return undefined;
  return id.jobName ?? owner?.name ?? id.name.replace(/-\d{1,20}$/, '');
}

/** By label; where an object carries none, by the owner, which then is the Job or the ReplicaSet that made the pod. */
function keyOfPod({ namespace, component, jobName }: Identity, pod: KubeObject): JobKey | undefined {
  const job = ownerOf(pod, 'Job')?.name;
  const deployment = nameOfDeployment(pod);
  const kind = isComponent(component) ? kindOfComponent[component] : ownerKind(job, deployment);
  if (!kind) return undefined;
  const name = jobName ?? (kind === 'Deployment' ? deployment : kind === 'Job' ? job : job?.replace(/-\d{1,20}$/, ''));
  return name ? { namespace, kind, name } : undefined;
}

function ownerKind(job: string | undefined, deployment: string | undefined): KubeKind | undefined {
  if (job !== undefined) return 'Job';
  return deployment === undefined ? undefined : 'Deployment';
}

function isComponent(text: string | undefined): text is Component {
  return text !== undefined && Object.hasOwn(kindOfComponent, text);
}

/** A ReplicaSet is named after its Deployment and the hash its pods carry as a label (kubernetes.io, Deployment). */
function nameOfDeployment(pod: KubeObject): string | undefined {
  const replicaSet = ownerOf(pod, 'ReplicaSet')?.name;
  const suffix = `-${labelOf(pod, 'pod-template-hash') ?? ''}`;
  return replicaSet?.endsWith(suffix) ? replicaSet.slice(0, -suffix.length) : replicaSet;
}

function ownerOf(object: KubeObject, kind: string): { name: string | undefined; uid: string | undefined } | undefined {
  const owner = listAt(object, 'metadata', 'ownerReferences').find((reference) => textAt(reference, 'kind') === kind);
  return owner === undefined ? undefined : { name: textAt(owner, 'name'), uid: textAt(owner, 'uid') };
}

function readRun(key: JobKey, id: Identity, job: KubeObject): RunFacts {
  const holds = timeAt(job, 'metadata', 'annotations', annotationNames.holds);
  return {
    key,
    uid: id.uid,
    name: id.name,
    ownerUid: ownerOf(job, 'CronJob')?.uid,
    resourceVersion: id.resourceVersion,
    createdAt: timeAt(job, 'metadata', 'creationTimestamp') ?? 0,
    deletingAt: timeAt(job, 'metadata', 'deletionTimestamp'),
    manual: textAt(job, 'metadata', 'annotations', annotationNames.instantiate) === 'manual',
    dueAt: timeAt(job, 'metadata', 'annotations', annotationNames.scheduledFor),
    ...(holds === undefined ? {} : { holds }),
    status: readObjectStatus('Job', job),
  };
}

function readObject(key: JobKey, id: Identity, object: KubeObject, readJob: ReadJob): ObjectFacts {
  const read = readSafely(readJob, withKind(key.kind, object));
  const suspension = key.kind === 'CronJob' ? suspensionOf(object) : undefined;
  return {
    key,
    uid: id.uid,
    resourceVersion: id.resourceVersion,
    createdAt: timeAt(object, 'metadata', 'creationTimestamp') ?? 0,
    deletingAt: timeAt(object, 'metadata', 'deletionTimestamp'),
    job: 'job' in read ? read.job : undefined,
    foreign: 'foreign' in read ? read.foreign : undefined,
    definition: 'job' in read ? read.definition : undefined,
    status: readObjectStatus(key.kind, object),
    firing: key.kind === 'CronJob' ? readFiring(object) : undefined,
    ...(suspension ? { suspension } : {}),
  };
}

/** Without a deadline a run may begin at any later time; nobody waits for it longer than this. */
const patienceSeconds = 600;

function readFiring(cronJob: KubeObject): FiringRules {
  const { timeZone, concurrency } = readFiringSpec(cronJob);
  const seconds = integerAt(cronJob, 'spec', 'startingDeadlineSeconds') ?? patienceSeconds;
  return {
    timeZone,
    concurrency,
    deadlineMs: Math.min(seconds, longestDeadlineSeconds) * 1_000,
    changedAt: timeAt(cronJob, 'metadata', 'annotations', annotationNames.scheduleSince),
  };
}

/** One object that breaks its reader is shown as foreign; it must not hide the tool's other jobs. */
function readSafely(readJob: ReadJob, object: KubeObject): ReturnType<ReadJob> {
  try {
    return readJob(object);
  } catch {
    return { foreign: 'The object cannot be read.' };
  }
}

function withKind(kind: KubeKind, object: KubeObject): KubeObject {
  if (object.kind === kind) return object;
  return { ...object, apiVersion: kind === 'Deployment' ? 'apps/v1' : 'batch/v1', kind };
}
