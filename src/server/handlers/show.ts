/** One job of the caller, from the actors' view. */
import type { JobSnapshot } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Caller } from '../identify.ts';
import { type Deps, readyJobs } from './deps.ts';

/** @throws AppError `job.not_found`, `view.not_ready` */
export function showJob(caller: Caller, name: string, deps: Deps): JobSnapshot {
  const snapshot = readyJobs(deps).find(caller.tool.namespace, name);
  if (!snapshot) throw new AppError('job.not_found', `Job '${name}' does not exist`, { fields: { name } });
  return snapshot;
}
