/**
 * The end of one job or of all jobs of a tool, as the tool. An answer comes when the jobs have ended, so that one run again under the same
 * name never meets its predecessor; what has not ended by then goes on ending, and the caller is told.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { JobSnapshot, Tool } from '../../domain.ts';
import type { Caller } from '../identify.ts';
import { type Deps, type Life, readyJobs } from './deps.ts';
import { jobNotFound } from './show.ts';

/** Longer than the grace a container gets (15 s). */
const goneTimeoutMs = 30_000;
/** A job of this age may have a pod on its way that nobody has seen. */
const youngMs = 5_000;
const latePodMs = 200;

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
  const startedAt = deps.now();
  const lives = snapshots.map(({ key, object: { uid } }) => ({ key, uid }));
  const hasEnded = await deps.jobs.whenGone(tool.namespace, lives, goneTimeoutMs);
  if (!hasEnded || lives.length === 0) return { hasEnded };
  if (snapshots.some((snapshot) => isYoung(snapshot, startedAt))) await pause(latePodMs);
  return { hasEnded: await arePodsGone(tool, lives, startedAt + goneTimeoutMs, deps) };
}

function isYoung({ key, object }: JobSnapshot, now: number): boolean {
  return key.kind !== 'CronJob' && now - object.createdAt < youngMs;
}

/**
 * A pod that was being made when its owner went comes a moment later, and is collected a moment after that. The cluster itself is asked: the
 * view may not have heard of it yet. That it cannot be asked says nothing against the deletion.
 */
async function arePodsGone(tool: Tool, lives: readonly Life[], deadline: number, deps: Deps): Promise<boolean> {
  const names = [...new Set(lives.map(({ key }) => key.name))];
  const name = names.length === 1 ? names[0] : undefined;
  while (await deps.forward.hasPods(tool, name).catch(() => false)) {
    if (deps.now() > deadline) return false;
    await pause(latePodMs);
  }
  return true;
}
