/** A new job: checked, created in the cluster as the tool, told to its actor, answered. */
import type { JobParts, JobSnapshot } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Caller } from '../identify.ts';
import { syncCompanions } from './companions.ts';
import { type Decision, decideCreation, nameTaken } from './decide.ts';
import { type Deps, readyJobs } from './deps.ts';
import { type Prepared, readRequest } from './prepare.ts';
import { endFormers, endJob } from './remove.ts';

/**
 * @param input the canonical body (snake_case keys), not yet trusted
 * @returns the job as its actors know it, so that a list straight afterwards shows it: one object, or one for each of its parts
 * @throws AppError `job.invalid`, `image.unknown`, `images.unavailable`, `limits.exceeded`, `job.conflict`, `quota.exceeded`, `home.*`, `credentials.*`, `kube.*`
 */
export type RunJob = (caller: Caller, input: Record<string, unknown>) => Promise<JobParts>;

export function createRunJob(deps: Deps): RunJob {
  return async (caller, input) => {
    readyJobs(deps);
    const definition = await readRequest(caller, input, deps);
    return deps.takeTurn(caller, definition.name, async () => {
      return createParts(caller, await decideCreation(caller, definition, deps), deps);
    });
  };
}

/** All of them or none. */
async function createParts(caller: Caller, { parts, formers }: Decision, deps: Deps): Promise<JobParts> {
  await endFormers(caller, formers, deps);
  const made: JobSnapshot[] = [];
  try {
    for (const { prepared, present } of parts) {
      if (present) await endJob(caller, present, deps);
      made.push(await createJob(caller, prepared, deps));
    }
  } catch (error) {
    await endFormers(caller, made, deps);
    throw error;
  }
  return made as readonly JobSnapshot[] as JobParts;
}

/** One object. @throws AppError as RunJob; where what makes the job reachable cannot be made, the job is not made either */
export async function createJob(caller: Caller, prepared: Prepared, deps: Deps): Promise<JobSnapshot> {
  const { definition, job } = prepared;
  const { tool } = caller;
  const created = await deps.forward
    .create(tool, definition.type, prepared.object)
    .catch((error: unknown) => Promise.reject(isConflict(error) ? nameTaken(job.name, error) : error));
  deps.jobs.observe(created);
  const snapshot = deps.jobs.find(tool.namespace, job.name);
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
