/** One job of the caller, from the actors' view. */
import type { JobParts, JobSnapshot } from '../../domain.ts';
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

/** All parts of a job, or the one of that name: a part goes by its own name as well. @throws AppError as showJob() */
export function showParts(caller: Caller, name: string, deps: Deps): JobParts {
  readyJobs(deps);
  const parts = findParts(caller, name, deps);
  if (!parts) throw jobNotFound(name);
  return parts;
}

export function findParts({ tool }: Caller, name: string, deps: Deps): JobParts | undefined {
  const found = deps.jobs.find(tool.namespace, name);
  if (found) return [found];
  const [first, ...others] = deps.jobs.list(tool.namespace).filter(({ object }) => object.job?.group === name);
  return first && [first, ...others];
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

/** The same of all parts of a job. */
export async function explainParts(
  caller: Caller,
  name: string,
  deps: Deps,
): Promise<{ readonly parts: JobParts; readonly troubles: ReadonlyMap<JobSnapshot, string | undefined> }> {
  readyJobs(deps);
  await deps.recall(caller.tool);
  const parts = showParts(caller, name, deps);
  const troubles = new Map<JobSnapshot, string | undefined>();
  for (const part of parts) troubles.set(part, await explainTrouble(caller, part, deps));
  return { parts, troubles };
}
