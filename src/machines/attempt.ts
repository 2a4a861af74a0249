/** What a pod says of itself as one attempt of a job, one question each. Pure. Reasons: kubernetes.io, "Pod Lifecycle". */
import type { ContainerState, FailureReason, PodFacts } from '../domain.ts';

export type EndedState = Extract<ContainerState, { kind: 'terminated' }>;

/** When its program first ran; undefined where it has not, as far as is known. */
export function containerStart({ container }: PodFacts): number | undefined {
  const state = container?.state;
  if (state?.kind !== 'running' && state?.kind !== 'terminated') return undefined;
  // Of a program that could not be started the cluster says 1970.
  return state.startedAt || undefined;
}

export function hasStarted(pod: PodFacts): boolean {
  return containerStart(pod) !== undefined;
}

export function hasEnded({ phase }: PodFacts): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

export function isEvicted({ reason, conditions }: PodFacts): boolean {
  return (
    reason === 'Evicted' || conditions.some(({ type, status }) => type === 'DisruptionTarget' && status === 'True')
  );
}

export function endOfContainer(pod: PodFacts | undefined): EndedState | undefined {
  const state = pod?.container?.state;
  return state?.kind === 'terminated' ? state : undefined;
}

/** Why an attempt failed, as its container says. */
export function reasonOfEnd(end: EndedState): FailureReason {
  switch (end.reason) {
    case 'OOMKilled':
      return 'out_of_memory';
    case 'StartError':
    case 'ContainerCannotRun':
      return 'not_started';
    case 'ContainerStatusUnknown':
      return 'lost';
    default:
      return signalOf(end) === undefined ? 'exit_code' : 'signal';
  }
}

/** A shell tells of a program that a signal ended as 128 and the signal (POSIX, "Exit Status for Commands"). */
export function signalOf({ signal, exitCode }: EndedState): number | undefined {
  if (signal !== undefined && signal > 0) return signal;
  return exitCode > 128 && exitCode <= 128 + 64 ? exitCode - 128 : undefined;
}
