/** The runs of one job that have ended, from their records: they are there when the job is gone. */
import type { JobSnapshot } from '../../domain.ts';
import { inOrder, type ToldRun } from '../../streak.ts';
import type { Caller } from '../identify.ts';
import { type Deps, readyJobs } from './deps.ts';
import { jobNotFound } from './show.ts';

/** @throws AppError `job.not_found` for a name of which neither a job nor a record is known, `view.not_ready` */
export async function listRuns({ tool }: Caller, name: string, deps: Deps): Promise<readonly ToldRun[]> {
  const runs = await deps.runs.list(tool, name);
  if (runs.length === 0 && !readyJobs(deps).find(tool.namespace, name)) throw jobNotFound(name);
  return inOrder(runs);
}

const shownRuns = 5;

/** Of a job that is shown. That they cannot be read is no reason not to show it. */
export async function lastRuns({ tool }: Caller, { key }: JobSnapshot, deps: Deps): Promise<readonly ToldRun[]> {
  if (key.kind === 'Deployment') return [];
  return inOrder(await deps.runs.list(tool, key.name).catch(() => [])).slice(0, shownRuns);
}
