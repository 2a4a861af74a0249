/** The end of one job or of all jobs of a tool, as the tool. */
import type { JobSnapshot, Tool } from '../../domain.ts';
import type { Caller } from '../identify.ts';
import { type Deps, readyJobs } from './deps.ts';
import { showJob } from './show.ts';

/** Longer than the grace a container gets (15 s), so that a job started again under the name never meets its predecessor. */
const goneTimeoutMs = 30_000;

/** @throws AppError `job.not_found`, `credentials.*`, `kube.*` */
export async function deleteJob(caller: Caller, name: string, deps: Deps): Promise<void> {
  const snapshot = showJob(caller, name, deps);
  await deps.forward.remove(caller.tool, snapshot.key, snapshot.object.uid);
  await settle(caller.tool, [snapshot], deps);
}

export async function flushJobs(caller: Caller, deps: Deps): Promise<void> {
  const before = readyJobs(deps).list(caller.tool.namespace);
  await deps.forward.removeAll(caller.tool);
  await settle(caller.tool, before, deps);
}

async function settle(tool: Tool, snapshots: readonly JobSnapshot[], deps: Deps): Promise<void> {
  for (const snapshot of snapshots) deps.jobs.observeGone(snapshot);
  await deps.jobs.whenGone(
    tool.namespace,
    snapshots.map(({ key }) => key.name),
    goneTimeoutMs,
  );
}
