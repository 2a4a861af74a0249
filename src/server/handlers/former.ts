/** What jobs were before a change is kept for whoever regrets it. */
import { definitionOf } from '../../definition/definition.ts';
import { suspendOf, suspensionNow } from '../../definition/suspension.ts';
import {
  type FormerJob,
  type JobDefinition,
  type JobSnapshot,
  jobNameOf,
  type ObjectFacts,
  type ResolvedJob,
} from '../../domain.ts';
import type { Caller } from '../identify.ts';
import type { Deps } from './deps.ts';

/** To be called before the change: a kill in between then loses nothing. Objects that are none of ours cannot be made again. */
export async function keepFormer(
  { tool }: Caller,
  snapshots: readonly JobSnapshot[],
  reason: FormerJob['reason'],
  deps: Deps,
): Promise<void> {
  const at = deps.now();
  const former = snapshots
    .filter(isFirstOfJob)
    .flatMap(({ object }): FormerJob[] =>
      object.job ? [{ at, reason, definition: asItIs(object, object.job), from: object.createdAt }] : [],
    );
  await deps.former.keep(tool, former);
}

/** Suspended as it is, whether its definition wants that or a command did it. */
function asItIs(object: ObjectFacts, job: ResolvedJob): JobDefinition {
  const { suspend: _, ...definition } = object.definition ?? definitionOf(job);
  const isSuspended = definition.type === 'scheduled' && object.status.suspended;
  return isSuspended ? { ...definition, suspend: suspendOf(suspensionNow(object)) } : definition;
}

/** Of several parts each knows the whole job. */
function isFirstOfJob(one: JobSnapshot, place: number, all: readonly JobSnapshot[]): boolean {
  if (one.object.job?.group === undefined) return true;
  return all.findIndex((other) => jobNameOf(other) === jobNameOf(one)) === place;
}
