/** A new job: checked, created in the cluster as the tool, told to its actor, answered. */
import type { JobSnapshot } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Caller } from '../identify.ts';
import { syncCompanions } from './companions.ts';
import { decideCreation, nameTaken } from './decide.ts';
import { type Deps, readyJobs } from './deps.ts';
import { type Prepared, readRequest } from './prepare.ts';
import { endJob } from './remove.ts';

/**
 * @param input the canonical body (snake_case keys), not yet trusted
 * @returns the job as its actor knows it, so that a list straight afterwards shows it
 * @throws AppError `job.invalid`, `image.unknown`, `images.unavailable`, `limits.exceeded`, `job.conflict`, `quota.exceeded`, `home.*`, `credentials.*`, `kube.*`
 */
export type RunJob = (caller: Caller, input: Record<string, unknown>) => Promise<JobSnapshot>;

export function createRunJob(deps: Deps): RunJob {
  return async (caller, input) => {
    readyJobs(deps);
    const definition = await readRequest(caller, input, deps);
    return deps.takeTurn(caller, definition.name, async () => {
      const { prepared, present } = await decideCreation(caller, definition, deps);
      if (present) await endJob(caller, present, deps);
      return createJob(caller, prepared, deps);
    });
  };
}

/** @throws AppError as RunJob; where what makes the job reachable cannot be made, the job is not made either */
export async function createJob(caller: Caller, prepared: Prepared, deps: Deps): Promise<JobSnapshot> {
  const { definition, job } = prepared;
  const { tool } = caller;
  const created = await deps.forward
    .create(tool, definition.type, prepared.object)
    .catch((error: unknown) => Promise.reject(isConflict(error) ? nameTaken(definition.name, error) : error));
  deps.jobs.observe(created);
  const snapshot = deps.jobs.find(tool.namespace, definition.name);
  if (!snapshot) throw new AppError('internal', 'The job was created, but is not seen yet. Look again in a moment.');
  if (job.port === undefined) return snapshot;
  try {
    await syncCompanions(caller, job, created, deps);
  } catch (error) {
    await endJob(caller, snapshot, deps);
    throw error;
  }
  return snapshot;
}

function isConflict(error: unknown): boolean {
  return error instanceof AppError && error.code === 'job.conflict';
}
