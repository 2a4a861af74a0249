/**
 * The end of one job or of all jobs of a tool, as the tool. An answer comes when the jobs have ended, so that one run again under the same
 * name never meets its predecessor; what has not ended by then goes on ending, and the caller is told.
 */
import type { JobSnapshot } from '../../domain.ts';
import type { Caller } from '../identify.ts';
import { type Deps, readyJobs } from './deps.ts';
import { jobNotFound } from './show.ts';

/** Longer than the grace a container gets (15 s). */
const goneTimeoutMs = 30_000;

export interface Removal {
  /** False: the end was begun, and takes longer. */
  readonly hasEnded: boolean;
}

/**
 * @param release gives back the caller's place among the requests at once: waiting costs nothing
 * @throws AppError `job.not_found`, `credentials.*`, `kube.*`
 */
export async function deleteJob(caller: Caller, name: string, deps: Deps, release: () => void): Promise<Removal> {
  const snapshots = readyJobs(deps)
    .list(caller.tool.namespace)
    .filter(({ key }) => key.name === name);
  if (snapshots.length === 0) throw jobNotFound(name);
  await Promise.all(snapshots.map(({ key, object }) => deps.forward.remove(caller.tool, key, object.uid)));
  return waitForEnd(caller, snapshots, deps, release);
}

export async function flushJobs(caller: Caller, deps: Deps, release: () => void): Promise<Removal> {
  const snapshots = readyJobs(deps).list(caller.tool.namespace);
  await deps.forward.removeAll(caller.tool);
  return waitForEnd(caller, snapshots, deps, release);
}

async function waitForEnd(
  { tool }: Caller,
  snapshots: readonly JobSnapshot[],
  deps: Deps,
  release: () => void,
): Promise<Removal> {
  release();
  const lives = snapshots.map(({ key, object: { uid } }) => ({ key, uid }));
  return { hasEnded: await deps.jobs.whenGone(tool.namespace, lives, goneTimeoutMs) };
}
