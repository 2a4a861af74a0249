/** The runs of one job that have ended, from their records: they are there when the job is gone. */
import type { RunRecord } from '../../domain.ts';
import type { Caller } from '../identify.ts';
import { type Deps, readyJobs } from './deps.ts';
import { jobNotFound } from './show.ts';

/** @throws AppError `job.not_found` for a name of which neither a job nor a record is known, `view.not_ready` */
export async function listRuns({ tool }: Caller, name: string, deps: Deps): Promise<readonly RunRecord[]> {
  const runs = await deps.runs.list(tool, name);
  if (runs.length === 0 && !readyJobs(deps).find(tool.namespace, name)) throw jobNotFound(name);
  return runs;
}
