/** One job of the caller, from the actors' view. */
import type { JobParts, JobSnapshot } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { askFewAtOnce } from '../../few-at-once.ts';
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

export function findParts(
  { tool }: Pick<Caller, 'tool'>,
  name: string,
  deps: Pick<Deps, 'jobs'>,
): JobParts | undefined {
  const found = deps.jobs.find(tool.namespace, name);
  if (found) return [found];
  const [first, ...others] = deps.jobs.list(tool.namespace).filter(({ object }) => object.job?.group === name);
  return first && [first, ...others];
}

export function jobNotFound(name: string): AppError {
  return new AppError('job.not_found', `Job '${name}' does not exist`, { fields: { name } });
}

/** How many questions about the parts of one job the cluster is asked at once. */
const questionsAtOnce = 4;

/** The job or part of that name alone, with the reason where the cluster refuses to make its pod. */
export async function explainJob(
  caller: Caller,
  name: string,
  deps: Deps,
): Promise<{ snapshot: JobSnapshot; trouble: string | undefined }> {
  const { parts, troubles } = await explainParts(caller, name, deps, (...asked) => [showJob(...asked)]);
  return { snapshot: parts[0], trouble: troubles.get(parts[0]) };
}

/** The same of all parts of a job. */
export async function explainParts(
  caller: Caller,
  name: string,
  deps: Deps,
  show: typeof showParts = showParts,
): Promise<{ readonly parts: JobParts; readonly troubles: ReadonlyMap<JobSnapshot, string | undefined> }> {
  readyJobs(deps);
  await deps.recall(caller.tool);
  const parts = show(caller, name, deps);
  const troubles = await askFewAtOnce(
    parts,
    questionsAtOnce,
    async (part) => [part, await explainTrouble(caller, part, deps)] as const,
  );
  return { parts, troubles: new Map(troubles) };
}
