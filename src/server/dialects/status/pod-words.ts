/** What one attempt has to say, as the messages of the 2026 status: the words clients know, then the reason in plain words. Total. */
import type { Condition, ContainerState, PodFacts } from '../../../domain.ts';
import { exitCodeWords } from '../../../exit-code.ts';
import { isKnown } from './instant.ts';

type Container = NonNullable<PodFacts['container']>;
type Terminated = Extract<ContainerState, { kind: 'terminated' }>;

/** Why a container waits and will not start by itself; `%` is the image (kubernetes.io, "Images", and the kubelet's sync errors). */
const startProblems: Readonly<Record<string, string>> = {
  ErrImagePull: 'the image % cannot be pulled',
  ImagePullBackOff: 'the image % cannot be pulled',
  ErrImageNeverPull: 'the image % is not on the node',
  ErrImageInspect: 'the image % cannot be read',
  InvalidImageName: 'the name of the image % is not valid',
  RegistryUnavailable: 'the registry of the image % does not answer',
  CreateContainerConfigError: 'the settings of the job cannot be used',
  CreateContainerError: 'the node cannot make the container',
  RunContainerError: 'the node cannot start the container',
};

/** Reasons of a pod as a whole (kubernetes.io, "Node-pressure Eviction", "Pod disruptions"). */
const podProblems: Readonly<Record<string, string>> = {
  Evicted: 'stopped to free its node',
  DeadlineExceeded: 'took longer than its time limit',
  Preempting: 'stopped to make room for another',
  NodeLost: 'its node does not answer',
  NodeShutdown: 'its node was shut down',
  Terminated: 'its node was shut down',
  NodeAffinity: 'its node does not fit any more',
  OutOfcpu: 'its node had no CPU left',
  OutOfmemory: 'its node had no memory left',
  OutOfpods: 'its node was full',
};

/** What of the job its words name. */
export interface JobWords {
  /** As it is pulled. */
  readonly image: string;
  /** What it may use; undefined where the object could not be read. */
  readonly memory: string | undefined;
}

/**
 * Empty for an attempt that runs or has succeeded and was never started again.
 * @example an attempt that was killed -> ['exitcode 137', 'ran out of memory (OOMKilled): its limit is 512Mi']
 */
export function podWords(pod: PodFacts, job: JobWords): string[] {
  const { container, phase } = pod;
  if (phase === 'Unknown') return podReasonWords({ ...pod, reason: pod.reason ?? 'NodeLost' });
  if (!container?.state) return phase === 'Pending' ? schedulingWords(pod) : podReasonWords(pod);
  switch (container.state.kind) {
    case 'running':
      return restartWords(container, container.last, job);
    case 'waiting':
      return phase === 'Pending'
        ? ['initializing', ...waitingWords(container.state, job.image)]
        : [...restartWords(container, container.last, job), ...waitingWords(container.state, job.image)];
    case 'terminated':
      if (phase === 'Succeeded') return [];
      if (phase === 'Failed') return [...endWords(container.state, job), ...podReasonWords(pod)];
      return container.restarts > 0 ? restartWords(container, container.state, job) : endWords(container.state, job);
  }
}

/** In short, why the container cannot start, e.g. `the image … cannot be pulled (ImagePullBackOff)`. */
export function startProblem(pod: PodFacts | undefined, image: string): string | undefined {
  const state = pod?.container?.state;
  return state?.kind === 'waiting' ? problemWords(startProblems, state.reason)?.replace('%', () => image) : undefined;
}

/** How the container last ended, if it did: in its present state or, started again, before. */
export function lastEnd(pod: PodFacts | undefined): Terminated | undefined {
  const { state, last } = pod?.container ?? {};
  return [state, last].find((one) => one?.kind === 'terminated');
}

export function newestCondition(conditions: readonly Condition[]): Condition | undefined {
  const timeOf = ({ changedAt }: Condition) => (isKnown(changedAt) ? changedAt : 0);
  return conditions.reduce<Condition | undefined>(
    (newest, one) => (newest === undefined || timeOf(one) > timeOf(newest) ? one : newest),
    undefined,
  );
}

export function exitWords({ exitCode, signal, reason }: Terminated): string {
  return exitCodeWords(exitCode, signal, reason);
}

function schedulingWords({ conditions }: PodFacts): string[] {
  const message = newestCondition(conditions)?.message;
  return ['scheduling', ...present(message && placeWords(message))];
}

/** The scheduler counts nodes by what they lack (kubernetes.io, "Kubernetes Scheduler"); all other messages stay as they are. */
function placeWords(message: string): string {
  const [, lacks] = /^0\/\d+ nodes are available: (.*?)\.(?: |$)/s.exec(message) ?? [];
  if (lacks === undefined) return message;
  const reasons = lacks.split(', ').map((lack) => lack.replace(/^\d+ /, '').replace(/^Insufficient /, 'not enough '));
  return `no node has room for it: ${reasons.join(', ')}`;
}

/** The kubelet's own message on a pause names pods and uids, which help nobody. */
function waitingWords(state: Extract<ContainerState, { kind: 'waiting' }>, image: string): string[] {
  if (state.reason === 'CrashLoopBackOff') return ['it will be started again after a pause (CrashLoopBackOff)'];
  return present(
    state.message,
    problemWords(startProblems, state.reason)?.replace('%', () => image),
  );
}

function restartWords({ restarts }: Container, before: ContainerState | undefined, job: JobWords): string[] {
  const end = before?.kind === 'terminated' ? endWords(before, job) : [];
  return restarts > 0 ? [`restarted (${restarts})`, ...end] : end;
}

function endWords(end: Terminated, { memory }: JobWords): string[] {
  const code = Number.isInteger(end.exitCode) ? `exitcode ${end.exitCode}` : undefined;
  const limit = end.reason === 'OOMKilled' && memory !== undefined ? `: its limit is ${memory}` : '';
  return present(code, `${exitWords(end)}${limit}`);
}

function podReasonWords({ reason, message }: PodFacts): string[] {
  if (!reason) return present(message);
  return present(problemWords(podProblems, reason) ?? `stopped (${reason})`, message);
}

function problemWords(words: Readonly<Record<string, string>>, reason: string | undefined): string | undefined {
  return reason !== undefined && Object.hasOwn(words, reason) ? `${words[reason]} (${reason})` : undefined;
}

function present(...texts: readonly (string | undefined)[]): string[] {
  return texts.filter((text) => text !== undefined && text !== '') as string[];
}
