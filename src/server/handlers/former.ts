/** What jobs were before a change is kept for whoever regrets it. */
import { definitionOf } from '../../definition/definition.ts';
import { type FormerJob, type JobSnapshot, jobNameOf } from '../../domain.ts';
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
    .flatMap(({ object: { job, definition, createdAt } }): FormerJob[] =>
      job ? [{ at, reason, definition: definition ?? definitionOf(job), from: createdAt }] : [],
    );
  await deps.former.keep(tool, former);
}

/** Of several parts each knows the whole job. */
function isFirstOfJob(one: JobSnapshot, place: number, all: readonly JobSnapshot[]): boolean {
  if (one.object.job?.group === undefined) return true;
  return all.findIndex((other) => jobNameOf(other) === jobNameOf(one)) === place;
}
