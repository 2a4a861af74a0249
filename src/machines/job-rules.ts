/**
 * The rules by which facts become a state, one named question each; job.ts says in which order they are asked. Pure.
 * Conditions and reasons: kubernetes.io, "Jobs", "Deployments" and "Pod Lifecycle".
 */
import type { ObjectStatus, PodFacts } from '../domain.ts';
import { type JobFacts, ownPods, ownRuns } from './job-facts.ts';

export function nothingRemains({ object, runs, pods }: JobFacts): boolean {
  return object === undefined && runs.length === 0 && pods.length === 0;
}

export function hasCompleted({ object }: JobFacts): boolean {
  return object !== undefined && hasCondition(object.status, 'Complete');
}

export function hasFailed({ object }: JobFacts): boolean {
  return object !== undefined && hasCondition(object.status, 'Failed');
}

/** The pod has done its work and the Job does not say so yet. */
export function attemptHasSucceeded(facts: JobFacts): boolean {
  return newestPod(facts)?.phase === 'Succeeded';
}

/** The last pod allowed has failed and the Job does not say so yet. How many are allowed is known only of a readable definition. */
export function attemptsAreUsedUp(facts: JobFacts): boolean {
  const retry = facts.object?.job?.retry;
  if (retry === undefined || newestPod(facts)?.phase !== 'Failed') return false;
  return ownPods(facts).filter(({ phase }) => phase === 'Failed').length > retry;
}

/** A pod runs; or the Job says that one is ready, where no pod was seen yet. */
export function attemptIsRunning(facts: JobFacts): boolean {
  const pod = newestPod(facts);
  return pod ? pod.phase === 'Running' : (facts.object?.status.ready ?? 0) > 0;
}

/** The node is out of touch, so nobody can say. */
export function attemptIsLost(facts: JobFacts): boolean {
  return newestPod(facts)?.phase === 'Unknown';
}

/** A run has not ended; or the CronJob says that one is active, where no run was seen yet. */
export function runIsActive(facts: JobFacts): boolean {
  const runs = ownRuns(facts);
  if (runs.length === 0) return (facts.object?.status.active ?? 0) > 0;
  return runs.some(({ status }) => !hasCondition(status, 'Complete') && !hasCondition(status, 'Failed'));
}

export function isSuspended({ object }: JobFacts): boolean {
  return object?.status.suspended === true;
}

/** At least one copy runs; copies that are being ended do not count. */
export function copyIsRunning(facts: JobFacts): boolean {
  return ownPods(facts).some((pod) => pod.deletingAt === undefined && pod.container?.state?.kind === 'running');
}

/** The newest copy ends again and again. */
export function copyKeepsCrashing(facts: JobFacts): boolean {
  const container = newestPod(facts)?.container;
  if (container?.state?.kind === 'waiting') return container.state.reason === 'CrashLoopBackOff';
  return container?.state?.kind === 'terminated' && container.state.exitCode !== 0 && container.restarts > 0;
}

/** The cluster refuses to make the pods: quota or policy. */
export function podsAreRefused({ object }: JobFacts): boolean {
  return object !== undefined && hasCondition(object.status, 'ReplicaFailure');
}

/** A Deployment that wants no copies counts as available for Kubernetes; nothing of it runs. */
export function isAvailable({ object }: JobFacts): boolean {
  return object !== undefined && object.job?.replicas !== 0 && hasCondition(object.status, 'Available');
}

function newestPod(facts: JobFacts): PodFacts | undefined {
  return ownPods(facts)[0];
}

function hasCondition({ conditions }: ObjectStatus, type: string): boolean {
  return conditions.some((condition) => condition.type === type && condition.status === 'True');
}
