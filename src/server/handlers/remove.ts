/**
 * The end of one job or of all jobs of a tool, as the tool. An answer comes when the jobs have ended, so that one run again under the same
 * name never meets its predecessor; what has not ended by then goes on ending, and the caller is told.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type JobSnapshot, jobNameOf, type Tool } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Caller } from '../identify.ts';
import { type Deps, type Life, readyJobs } from './deps.ts';
import { keepFormer } from './former.ts';
import { jobNotFound } from './show.ts';

/** Longer than the grace a container gets (15 s). */
const goneTimeoutMs = 30_000;
/** A job of this age may have a pod on its way that nobody has seen. */
const youngMs = 5_000;
const latePodMs = 200;

export interface Removal {
  /** What has not ended in time, or could not be made to end, with the reason where one is known. Empty: all is gone. */
  readonly left: readonly { readonly name: string; readonly why: string | undefined }[];
}

/**
 * @param release gives back the caller's place among the requests at once: waiting costs nothing
 * @throws AppError `job.not_found`, `credentials.*`, `kube.*`
 */
export async function deleteJob(caller: Caller, name: string, deps: Deps, release: () => void): Promise<Removal> {
  return deps.takeTurn(caller, turnOf(caller, name, deps), async () => {
    const snapshots = readyJobs(deps)
      .list(caller.tool.namespace)
      .filter((one) => jobNameOf(one) === name || one.key.name === name);
    if (snapshots.length === 0) throw jobNotFound(name);
    await keepFormer(caller, snapshots, 'deleted', deps);
    await beginEnd(caller, snapshots, deps);
    const hasEnded = await waitForEnd(caller, snapshots, deps, release);
    return { left: hasEnded ? [] : [{ name, why: undefined }] };
  });
}

/** Changes of a part take turns with those of its job. */
export function turnOf({ tool }: Pick<Caller, 'tool'>, name: string, deps: Deps): string {
  return deps.jobs.find(tool.namespace, name)?.object.job?.group ?? name;
}

/** One answer for all of them, that names those which remain. */
export async function flushJobs(caller: Caller, deps: Deps, release: () => void): Promise<Removal> {
  const { tool } = caller;
  const snapshots = readyJobs(deps).list(tool.namespace);
  await keepFormer(caller, snapshots, 'deleted', deps);
  const failures = await deps.forward.removeAll(tool);
  await removeReachable(caller, snapshots, undefined, deps);
  const ending = snapshots.filter(({ key }) => !failures.has(key.kind));
  const hasEnded = await waitForEnd(caller, ending, deps, release);
  if (hasEnded && failures.size === 0) return { left: [] };
  const lives = new Set(snapshots.map(({ object }) => object.uid));
  const left = deps.jobs.list(tool.namespace).filter(({ object }) => lives.has(object.uid));
  return { left: left.map(({ key }) => ({ name: key.name, why: failures.get(key.kind)?.message })) };
}

/** Ends one job to make room for another of its name. @throws AppError `job.conflict` when it has not gone in time */
export async function endJob(caller: Caller, snapshot: JobSnapshot, deps: Deps): Promise<void> {
  await beginEnd(caller, [snapshot], deps);
  if (!(await waitForEnd(caller, [snapshot], deps, () => {}))) throw notEnded(snapshot.key.name);
}

/** Ends what is left of a job beside what it is now; pods under the same name are not to be waited for. @throws AppError as endJob */
export async function endFormers(caller: Caller, formers: readonly JobSnapshot[], deps: Deps): Promise<void> {
  const [first] = formers;
  if (!first) return;
  await beginEnd(caller, formers, deps);
  const lives = formers.map(({ key, object: { uid } }) => ({ key, uid }));
  const areGone = await deps.jobs.whenGone(caller.tool.namespace, lives, goneTimeoutMs);
  if (!areGone) throw notEnded(jobNameOf(first));
}

function notEnded(name: string): AppError {
  return new AppError('job.conflict', `The former job '${name}' has not ended yet. Try again in a moment.`, {
    fields: { field: 'name', value: name },
    retryAfterSeconds: 5,
  });
}

/** Ends what runs of a schedule, and waits for it. @throws AppError `job.conflict` when it has not gone in time */
export async function endRuns(
  { tool }: Caller,
  { key, runs }: JobSnapshot,
  deps: Deps,
  release: () => void,
): Promise<void> {
  const uids = new Set(runs.map(({ uid }) => uid));
  if (uids.size === 0) return;
  release();
  const { namespace } = key;
  await Promise.all(runs.map(({ name, uid }) => deps.forward.remove(tool, { namespace, kind: 'Job', name }, uid)));
  const deadline = deps.now() + goneTimeoutMs;
  const remain = () => deps.jobs.find(namespace, key.name)?.runs.some(({ uid }) => uids.has(uid)) ?? false;
  while (remain()) {
    if (deps.now() > deadline) throw notEnded(key.name);
    await pause(latePodMs);
  }
}

async function beginEnd(caller: Caller, snapshots: readonly JobSnapshot[], deps: Deps): Promise<void> {
  await Promise.all(snapshots.map(({ key, object }) => deps.forward.remove(caller.tool, key, object.uid)));
  for (const name of new Set(snapshots.map(({ key }) => key.name))) {
    await removeReachable(
      caller,
      snapshots.filter(({ key }) => key.name === name),
      name,
      deps,
    );
  }
}

/** Services of earlier generations belong to no Deployment, so they are ended beside it. */
async function removeReachable(
  { tool }: Caller,
  snapshots: readonly JobSnapshot[],
  name: string | undefined,
  deps: Deps,
): Promise<void> {
  const isReachable = snapshots.some(({ object: { job } }) => job?.port !== undefined);
  if (isReachable) await deps.forward.removeCompanions(tool, ['Service', 'Ingress'], name);
}

async function waitForEnd(
  { tool }: Caller,
  snapshots: readonly JobSnapshot[],
  deps: Deps,
  release: () => void,
): Promise<boolean> {
  release();
  const startedAt = deps.now();
  const lives = snapshots.map(({ key, object: { uid } }) => ({ key, uid }));
  const hasEnded = await deps.jobs.whenGone(tool.namespace, lives, goneTimeoutMs);
  if (!hasEnded || lives.length === 0) return hasEnded;
  if (snapshots.some((snapshot) => isYoung(snapshot, startedAt))) await pause(latePodMs);
  return arePodsGone(tool, lives, startedAt + goneTimeoutMs, deps);
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
