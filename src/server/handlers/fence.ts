/** A number for a run that grows with each newer run of its job: docs/decisions/0020-a-number-that-only-grows.md. */
import type { JobSnapshot, PodFacts } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { superseded } from '../../fences.ts';
import type { Caller } from '../identify.ts';
import { type Deps, readyJobs } from './deps.ts';

/**
 * @param run uid of a pod, as TOOLFORGE_RUN_ID of its environment has it
 * @throws AppError `run.not_found`, `run.superseded`, `job.several_copies`, `kube.unreachable`, `state.unwritable`
 */
export async function claimFence({ tool }: Caller, run: string, deps: Deps): Promise<number> {
  const { snapshot, pod } = findRun(readyJobs(deps).list(tool.namespace), run, deps);
  const { name } = snapshot.key;
  const { job } = snapshot.object;
  if (job?.type === 'continuous' && job.replicas > 1) throw severalCopies(name, job.replicas);
  const hasEnded = pod.phase === 'Succeeded' || pod.phase === 'Failed';
  if (hasEnded || pod.deletingAt !== undefined) throw superseded({ job: name, run });
  return deps.fences.claim(tool, { job: name, run, createdAt: pod.createdAt });
}

/** Whoever asks runs, so the cluster has its pod; we may not have heard of it where the watches are cut off. */
function findRun(jobs: readonly JobSnapshot[], run: string, deps: Deps): { snapshot: JobSnapshot; pod: PodFacts } {
  for (const snapshot of jobs) {
    const pod = snapshot.pods.find(({ uid }) => uid === run);
    if (pod) return { snapshot, pod };
  }
  if (!deps.jobs.freshness().live)
    throw new AppError('kube.unreachable', 'What runs is not known just now. No number was given; try again.');
  throw new AppError('run.not_found', 'The tool has no such run now. Its id is TOOLFORGE_RUN_ID of its environment.', {
    fields: { field: 'run' },
  });
}

function severalCopies(name: string, replicas: number): AppError {
  const text = `The job '${name}' has ${replicas} copies at once, none of which is the only one.`;
  return new AppError('job.several_copies', text, { fields: { name } });
}
