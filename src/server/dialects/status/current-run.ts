/** What of a job its status speaks of, and questions to it that every dialect asks. */
import type { Condition, JobSnapshot, JobState, ObjectStatus, PodFacts } from '../../../domain.ts';
import { isKnown } from './instant.ts';

/** A one-off or continuous job itself; of a scheduled job one run. */
export interface CurrentRun {
  readonly createdAt: number;
  readonly manual: boolean;
  readonly status: ObjectStatus;
  /** Newest first. */
  readonly pods: readonly PodFacts[];
}

/** Of a scheduled job the newest run under way, else the newest; undefined where none is there. */
export function currentRun({ key, object, runs, pods }: JobSnapshot): CurrentRun | undefined {
  if (key.kind !== 'CronJob') return { createdAt: object.createdAt, manual: false, status: object.status, pods };
  const run = runs.find(({ status }) => outcomeOf(status) === undefined) ?? runs[0];
  if (!run) return undefined;
  const { createdAt, manual, status } = run;
  return { createdAt, manual, status, pods: pods.filter((pod) => pod.ownerUid === run.uid) };
}

/** How a Job ended; undefined before it did. */
export function outcomeOf(status: ObjectStatus): 'succeeded' | 'failed' | undefined {
  if (trueCondition(status, 'Complete')) return 'succeeded';
  return trueCondition(status, 'Failed') ? 'failed' : undefined;
}

/** Of a scheduled job between two runs: whether the last one failed, as far as that is known. */
export function hasFailedLast(snapshot: JobSnapshot): boolean {
  const run = currentRun(snapshot);
  if (run) return outcomeOf(run.status) === 'failed';
  const { lastScheduledAt, lastSucceededAt } = snapshot.object.status;
  return isKnown(lastScheduledAt) && !(isKnown(lastSucceededAt) && lastSucceededAt >= lastScheduledAt);
}

/**
 * The job's state; of a scheduled job with a run under way that run's, because a run whose container cannot start does not run. A failed
 * attempt leaves a run pending, since another attempt follows until the Job says otherwise.
 */
export function stateNow(snapshot: JobSnapshot): JobState {
  if (snapshot.key.kind !== 'CronJob' || snapshot.state !== 'running') return snapshot.state;
  const run = currentRun(snapshot);
  const pod = run?.pods[0];
  if (!run) return 'running';
  if (!pod) return run.status.ready > 0 ? 'running' : 'pending';
  if (pod.phase === 'Unknown') return 'unknown';
  return pod.phase === 'Pending' || pod.phase === 'Failed' ? 'pending' : 'running';
}

/** Attempts of a one-off job or a run that failed, as far as the Job counted or its pods are still there. */
export function failedAttempts({ status, pods }: CurrentRun): number {
  return Math.max(status.failed || 0, pods.filter(({ phase }) => phase === 'Failed').length);
}

export function conditionOf({ conditions }: ObjectStatus, type: string): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}

export function trueCondition(status: ObjectStatus, type: string): Condition | undefined {
  return status.conditions.find((condition) => condition.type === type && condition.status === 'True');
}
