/** A pod as one attempt of a job. Pure and total. States and reasons: kubernetes.io, "Pod Lifecycle". */
import type { ContainerState, JobKey, KubeObject, PodFacts } from '../domain.ts';
import { countAt, integerAt, listAt, recordAt, textAt, timeAt } from '../fields.ts';
import { readConditions } from './object-status.ts';
import { shorten } from './shorten.ts';

const phases = ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'] as const;

export function readPod(
  key: JobKey,
  id: { readonly uid: string; readonly name: string; readonly resourceVersion: string },
  pod: KubeObject,
): PodFacts {
  const status = recordAt(pod, 'status');
  const phase = textAt(status, 'phase');
  return {
    key,
    uid: id.uid,
    name: id.name,
    ownerUid: ownerUidOf(pod),
    node: textAt(pod, 'spec', 'nodeName'),
    resourceVersion: id.resourceVersion,
    createdAt: timeAt(pod, 'metadata', 'creationTimestamp') ?? 0,
    deletingAt: timeAt(pod, 'metadata', 'deletionTimestamp'),
    phase: phases.find((known) => known === phase) ?? 'Unknown',
    reason: shorten(textAt(status, 'reason')),
    message: shorten(textAt(status, 'message')),
    startedAt: timeAt(status, 'startTime'),
    conditions: readConditions(status),
    container: readContainer(key, status),
  };
}

/** The owner that manages the pod, where one is marked; otherwise the first. */
function ownerUidOf(pod: KubeObject): string | undefined {
  const owners = listAt(pod, 'metadata', 'ownerReferences');
  const manager = owners.find((owner) => recordAt(owner).controller === true) ?? owners[0];
  return textAt(manager, 'uid');
}

/** The container is called `job`; in objects of 2022 like the job itself. Anything else in the pod only helps it. */
function readContainer(key: JobKey, status: unknown): PodFacts['container'] {
  const all = listAt(status, 'containerStatuses');
  const named = (name: string) => all.find((one) => textAt(one, 'name') === name);
  const container = named('job') ?? named(key.name) ?? all[0];
  if (container === undefined) return undefined;
  return {
    restarts: countAt(container, 'restartCount'),
    imageDigest: digestOf(textAt(container, 'imageID')),
    state: readState(recordAt(container, 'state')),
    last: readState(recordAt(container, 'lastState')),
  };
}

/** An image id is a reference with a digest, in forms that differ by runtime: `docker.io/library/debian@sha256:…`, `sha256:…`. */
function digestOf(imageId: string | undefined): string | undefined {
  return imageId === undefined ? undefined : /sha256:[0-9a-f]{64}$/.exec(imageId)?.[0];
}

/** Of the three keys a state may have exactly one is set. */
function readState(state: Readonly<Record<string, unknown>>): ContainerState | undefined {
  if ('terminated' in state) return readTerminated(state.terminated);
  if ('running' in state) return { kind: 'running', startedAt: timeAt(state.running, 'startedAt') };
  if (!('waiting' in state)) return undefined;
  const { waiting } = state;
  return { kind: 'waiting', reason: shorten(textAt(waiting, 'reason')), message: shorten(textAt(waiting, 'message')) };
}

function readTerminated(terminated: unknown): ContainerState {
  return {
    kind: 'terminated',
    exitCode: integerAt(terminated, 'exitCode') ?? 0,
    signal: integerAt(terminated, 'signal'),
    reason: shorten(textAt(terminated, 'reason')),
    message: shorten(textAt(terminated, 'message')),
    startedAt: timeAt(terminated, 'startedAt'),
    finishedAt: timeAt(terminated, 'finishedAt'),
  };
}
