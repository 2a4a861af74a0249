/**
 * Why a job in trouble has no pod, and a firing of a schedule no run: asked of the cluster when such a job is shown, or such a firing has
 * passed, never for a list and never for a healthy job. A pod that exists explains itself by its own status.
 */
import { isQuotaRefusal, type JobSnapshot, type KubeObject, type RunEnd, type Tool } from '../../domain.ts';
import type { Forward } from '../forward.ts';
import type { Caller } from '../identify.ts';
import type { Deps } from './deps.ts';

/** A job this young may simply not have got its pod yet. */
const patienceMs = 2_000;

/**
 * @returns what the cluster says of its refusal, to be put in words by the dialects, or undefined where nothing is wrong or known.
 * A cluster that does not answer is no reason to refuse to show the job.
 */
export async function explainTrouble(caller: Caller, snapshot: JobSnapshot, deps: Deps): Promise<string | undefined> {
  const uid = uidInTrouble(snapshot, deps.now());
  if (uid === undefined) return undefined;
  return refusalOf(deps.forward, caller.tool, uid);
}

/** Why the cluster makes no pod for a Job, in its words; undefined where it does not say, or does not answer. */
export async function refusalOf(
  forward: Pick<Forward, 'eventsOf'>,
  tool: Tool,
  uid: string,
): Promise<string | undefined> {
  return newestFailure(await forward.eventsOf(tool, uid).catch(() => []));
}

const longestWords = 500;

/** Why the controller began no run for a firing, by the events it wrote beside the CronJob; nothing where it does not say, or does not answer. */
export async function causeOfSkip(
  forward: Pick<Forward, 'eventsOf'>,
  tool: Tool,
  { jobUid = '', dueAt = 0 }: RunEnd,
): Promise<Partial<Pick<RunEnd, 'reason' | 'clusterSays'>>> {
  const events = await forward.eventsOf(tool, jobUid).catch(() => []);
  const since = events.filter((event) => timeOf(event) >= dueAt).sort((one, other) => timeOf(other) - timeOf(one));
  const refusal = since.find(({ reason }) => reason === 'FailedCreate');
  if (refusal) {
    const clusterSays = String(refusal.message ?? '').slice(0, longestWords);
    return { reason: isQuotaRefusal(clusterSays) ? 'quota' : 'not_started', clusterSays };
  }
  return since.some(({ reason }) => reason === 'JobAlreadyActive') ? { reason: 'previous_run' } : {};
}

/** How long the API server keeps an event (kube-apiserver, --event-ttl), less what clocks may differ. */
const eventsKeptMs = 3_600_000 - 60_000;

/** Whether the controller wrote beside the CronJob that it began the run of a firing; undefined where such a word would be gone by now, or the cluster does not answer. */
export async function wasBegun(
  forward: Pick<Forward, 'eventsOf'>,
  tool: Tool,
  { jobUid = '', dueAt = 0 }: RunEnd,
  now: number,
): Promise<boolean | undefined> {
  if (now - dueAt > eventsKeptMs) return undefined;
  const events = await forward.eventsOf(tool, jobUid).catch(() => undefined);
  // "Created job NAME-MINUTES": the controller names a Job by the minute in which it is due.
  const job = `-${dueAt / 60_000}`;
  return events?.some(({ reason, message }) => reason === 'SuccessfulCreate' && String(message).endsWith(job));
}

/** The Job whose controller cannot make a pod. A Deployment says so in its own conditions. */
function uidInTrouble({ key, object, runs, pods, state }: JobSnapshot, now: number): string | undefined {
  if (key.kind === 'Deployment' || state === 'succeeded' || state === 'failed') return undefined;
  const owner = key.kind === 'Job' ? object : runs[0];
  if (!owner || now - owner.createdAt < patienceMs || pods.some((pod) => pod.ownerUid === owner.uid)) return undefined;
  const { succeeded, failed, conditions } = owner.status;
  return succeeded > 0 || failed > 0 || conditions.some(({ type }) => type === 'Complete' || type === 'Failed')
    ? undefined
    : owner.uid;
}

function newestFailure(events: readonly KubeObject[]): string | undefined {
  const failures = events.filter((event) => event.reason === 'FailedCreate' && typeof event.message === 'string');
  const newest = failures.sort((one, other) => timeOf(other) - timeOf(one))[0];
  return newest ? String(newest.message) : undefined;
}

/** `lastTimestamp` is null on events of the newer API (kubernetes.io, Event v1). */
function timeOf(event: KubeObject): number {
  const times = [event.lastTimestamp, event.eventTime, event.firstTimestamp].map((time) => Date.parse(String(time)));
  return times.find((time) => !Number.isNaN(time)) ?? 0;
}
