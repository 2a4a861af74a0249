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

/** What keeps an attempt from starting, in ms since the epoch and in the cluster's words. */
export interface Trouble {
  readonly reason: FailureReason;
  readonly since: number | undefined;
  readonly says: string | undefined;
}

/** Reasons of the kubelet for a container that waits, by what they come to. */
const imageTroubles = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
]);
const startTroubles = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'PostStartHookError',
  'PreStartHookError',
]);

export function troubleIn({ container, conditions }: PodFacts): Trouble | undefined {
  const state = container?.state;
  if (state?.kind === 'waiting' && state.reason !== undefined) {
    const says = state.message ?? state.reason;
    if (imageTroubles.has(state.reason)) return { reason: 'image', since: undefined, says };
    if (startTroubles.has(state.reason)) return { reason: 'not_started', since: undefined, says };
  }
  const unplaced = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  return unplaced && { reason: 'not_started', since: unplaced.changedAt, says: unplaced.message ?? unplaced.reason };
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
