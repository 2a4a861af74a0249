/** One job of the caller, from the actors' view. */
import type { JobSnapshot } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Caller } from '../identify.ts';
import { type Deps, readyJobs } from './deps.ts';
import { explainTrouble } from './explain.ts';

/** @throws AppError `job.not_found`, `view.not_ready` */
export function showJob(caller: Caller, name: string, deps: Deps): JobSnapshot {
  const snapshot = readyJobs(deps).find(caller.tool.namespace, name);
  if (!snapshot) throw jobNotFound(name);
  return snapshot;
}

export function jobNotFound(name: string): AppError {
  return new AppError('job.not_found', `Job '${name}' does not exist`, { fields: { name } });
}

/** The same, with the reason where the cluster refuses to make the job's pod. */
export async function explainJob(
  caller: Caller,
  name: string,
  deps: Deps,
): Promise<{ snapshot: JobSnapshot; trouble: string | undefined }> {
  readyJobs(deps);
  await deps.recall(caller.tool);
  const snapshot = showJob(caller, name, deps);
  return { snapshot, trouble: await explainTrouble(caller, snapshot, deps) };
}
