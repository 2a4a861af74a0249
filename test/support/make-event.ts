/** Facts about jobs as the machines receive them, made of raw objects by the real converter. */
import type { JobEvent, JobKey, KubeObject, ResolvedJob, WatchedKind } from '../../src/domain.ts';
import { isDropped, type ReadJob, toJobEvent } from '../../src/watch/job-events.ts';
import { makeResolved } from './facts.ts';

/** A definition that is readable: a one-off job, allowed as many retries as the object's backoffLimit says. */
export const readAny: ReadJob = (object) => ({ job: makeResolvedJob(object), definition: undefined });

function makeResolvedJob(object: KubeObject): ResolvedJob {
  const spec = object.spec as { backoffLimit?: number; replicas?: number };
  return makeResolved({ retry: spec.backoffLimit ?? 0, replicas: spec.replicas ?? 1 });
}

/** @throws Error when the object is no fact about a job */
export function makeSeen(object: KubeObject, readJob: ReadJob = readAny): JobEvent {
  return convert(object, 'MODIFIED', readJob);
}

/** @throws Error when the object is no fact about a job */
export function makeGone(object: KubeObject): JobEvent {
  return convert(object, 'DELETED', readAny);
}

function convert(object: KubeObject, type: 'MODIFIED' | 'DELETED', readJob: ReadJob): JobEvent {
  const event = toJobEvent(object.kind as WatchedKind, type, object, readJob);
  if (isDropped(event)) throw new Error(`dropped: ${event.dropped}`);
  return event;
}

export function keyOf(kind: JobKey['kind'], name = 'demo'): JobKey {
  return { namespace: 'tool-alpha', kind, name };
}
