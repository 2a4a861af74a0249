/**
 * What has to be done for a job without anybody asking: decided here, emitted by job.ts, carried out as the tool by errands.ts of the
 * hallway. Pure, and derived from the facts alone, so that nothing of it is kept: after a restart the same facts ask for the same.
 */
import { resumableAt, suspensionNow } from '../definition/suspension.ts';
import type { Errand, ObjectFacts } from '../domain.ts';
import type { Held } from './firings.ts';

export interface DueErrand {
  readonly errand: Errand;
  /** Ms since the epoch. */
  readonly dueAt: number;
}

/** A suspension that is to end by itself. */
export function resumptionOf(object: ObjectFacts | undefined): DueErrand | undefined {
  const suspension = object && object.deletingAt === undefined ? suspensionNow(object) : undefined;
  if (!object || suspension?.until === undefined) return undefined;
  const { since, until } = suspension;
  const { key, uid } = object;
  return {
    errand: { type: 'resume', id: `${uid}/resume/${since}/${until}`, key, uid, until },
    dueAt: resumableAt(until, since, object),
  };
}

/** To be asked when a run has failed, and when the object is seen first: who counts the failures knows also those that are gone. */
export function countingOf(object: ObjectFacts | undefined): Errand | undefined {
  const after = object?.job?.suspendAfter;
  if (!object || after === undefined || object.status.suspended || object.deletingAt !== undefined) return undefined;
  const { key, uid } = object;
  return { type: 'suspend-after', id: `${uid}/suspend-after`, key, uid, after };
}

/** A firing that became no run because one that had ended by then had its name. */
export function catchUpOf(object: ObjectFacts | undefined, held: Held | undefined): Errand | undefined {
  if (!object || !held) return undefined;
  const { key, uid } = object;
  return { type: 'begin', id: `${uid}/begin/${held.due}`, key, uid, due: held.due };
}
