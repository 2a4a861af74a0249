/** Since when a job is as it is. Where the exact moment is not told, the nearest one that is. Pure and total. */
import type { ContainerState, JobSnapshot, JobState, PodFacts } from '../../../domain.ts';
import { type CurrentRun, conditionOf, currentRun, trueCondition } from './current-run.ts';
import { earliestKnown, firstKnown, latestKnown } from './instant.ts';
import { lastEnd, newestCondition } from './pod-words.ts';

/** @returns ms since the epoch, or undefined where not even the object tells a time */
export function statusSince(snapshot: JobSnapshot, state: JobState): number | undefined {
  const { key, object, runs } = snapshot;
  if (key.kind === 'Deployment') return sinceContinuous(snapshot, state);
  if (state === 'waiting' || state === 'suspended') {
    const { lastSucceededAt, lastScheduledAt } = object.status;
    return latestKnown(lastSucceededAt, lastScheduledAt, runs[0]?.createdAt, object.createdAt);
  }
  const run = currentRun(snapshot);
  return run ? sinceRun(run, state) : firstKnown(object.status.lastScheduledAt, object.createdAt);
}

function sinceRun({ status, pods, createdAt }: CurrentRun, state: JobState): number | undefined {
  const [pod] = pods;
  const hasEnded = pod?.phase === 'Failed' || pod?.phase === 'Succeeded';
  const end = hasEnded ? lastEnd(pod)?.finishedAt : undefined;
  switch (state) {
    case 'succeeded':
      return firstKnown(end, trueCondition(status, 'Complete')?.changedAt, createdAt);
    case 'failed':
      return firstKnown(end, trueCondition(status, 'Failed')?.changedAt, createdAt);
    case 'running':
      return firstKnown(runningSince(pod?.container?.state), pod?.startedAt, status.startedAt, createdAt);
    default:
      return firstKnown(end, newestCondition(pod?.conditions ?? [])?.changedAt, status.startedAt, createdAt);
  }
}

/** A job in trouble counts from when it broke, not from when it was made: that may be years ago. */
function sinceContinuous({ object, pods }: JobSnapshot, state: JobState): number | undefined {
  const { status, createdAt } = object;
  const rollout = firstKnown(status.restartedAt, createdAt);
  const available = conditionOf(status, 'Available');
  if (state === 'running') {
    const longest = earliestKnown(pods.filter(isKept).map(({ container }) => runningSince(container?.state)));
    return firstKnown(longest, available?.status === 'True' ? available.changedAt : undefined, rollout);
  }
  return firstKnown(
    trueCondition(status, 'ReplicaFailure')?.changedAt,
    available && available.status !== 'True' ? available.changedAt : undefined,
    lastEnd(pods[0])?.finishedAt,
    newestCondition(pods[0]?.conditions ?? [])?.changedAt,
    rollout,
  );
}

function isKept({ deletingAt }: PodFacts): boolean {
  return deletingAt === undefined;
}

function runningSince(state: ContainerState | undefined): number | undefined {
  return state?.kind === 'running' ? state.startedAt : undefined;
}
