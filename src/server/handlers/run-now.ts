/**
 * A run of a schedule that somebody wants now. The controller of schedules knows only of runs that it has begun itself, so this one has the
 * name that it would give to the run of the next firing, and belongs to it: when that firing comes and the run still goes, the controller
 * takes it for its own, and begins no other one (docs/decisions/0015). kubernetes.io, "CronJob", "Concurrency policy".
 */
import { lastFirings, nextFirings } from '../../definition/cron.ts';
import { createFieldReader, shown } from '../../definition/definition-fields.ts';
import { readParameters } from '../../definition/definition-rules.ts';
import { annotationNames } from '../../definition/labels.ts';
import { isSuspended } from '../../definition/suspension.ts';
import { variablesOf } from '../../definition/variables.ts';
import type { Errand, JobSnapshot, KubeObject, ObjectFacts, RunFacts, Tool, Variable } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { listAt, textAt, timeAt } from '../../fields.ts';
import type { Caller } from '../identify.ts';
import type { Deps } from './deps.ts';
import { endRuns, turnOf } from './remove.ts';
import { runObject } from './run-object.ts';
import { jobNotFound } from './show.ts';
import { scheduledParts } from './suspend.ts';

export interface Begun {
  /** Uid of the run. */
  readonly id: string;
  readonly snapshot: JobSnapshot;
}

export interface RunAsked {
  /** In the place of those of the job, for this run only. Not yet trusted. */
  readonly parameters?: unknown;
}

/**
 * What runs of it already keeps it from beginning, is ended for it, or runs on beside it, as its concurrency policy has it.
 * @param release gives back the caller's place among the requests: what is ended first may take a while
 * @throws AppError `request.invalid`, `job.not_found`, `job.not_scheduled`, `job.running`, `quota.exceeded`, `credentials.*`, `kube.*`
 */
export async function runNow(
  caller: Caller,
  name: string,
  asked: RunAsked,
  deps: Deps,
  release: () => void,
): Promise<Begun> {
  return deps.takeTurn(caller, turnOf(caller, name, deps), async () => {
    const { tool } = caller;
    const snapshot = onePart(caller, name, deps);
    const variables = variablesAsked(asked, snapshot);
    const cronJob = await deps.forward.object(tool, snapshot.key);
    if (!cronJob) throw jobNotFound(name);
    const policy = textAt(cronJob, 'spec', 'concurrencyPolicy');
    const [going] = goingRuns(cronJob, snapshot);
    if (policy === 'Forbid' && going) throw isRunning(name, going);
    if (policy === 'Replace') await endRuns(caller, snapshot, deps, release);
    const firing = policy === 'Allow' ? undefined : heldFiring(cronJob, snapshot.object, deps.now());
    const runName = firing === undefined ? freeName(name, snapshot.runs, deps.now()) : firingName(name, firing);
    // One that has ended makes room for the next of its name; what is to be said of it is on record.
    const former = snapshot.runs.filter((run) => run.name === runName && hasEnded(run));
    if (policy === 'Forbid') await endRuns(caller, { ...snapshot, runs: former }, deps, release);
    const run = runObject(cronJob, snapshot.key, runName, {
      annotations: { [annotationNames.instantiate]: 'manual' },
      holds: firing,
      variables,
    });
    const created = await deps.forward.create(tool, 'one-off', run).catch((error: unknown) => {
      // The schedule was quicker, and its own run has the name.
      throw isTaken(error) ? isRunning(name, { id: undefined, since: undefined }) : error;
    });
    deps.jobs.observe(created);
    const id = textAt(created, 'metadata', 'uid') ?? '';
    return { id, snapshot: onePart(caller, name, deps) };
  });
}

/** The run that a firing should have become, where one that had ended by then had its name. @throws AppError `kube.*`, `credentials.*` */
export async function beginLate(
  tool: Tool,
  { key, uid, due }: Extract<Errand, { type: 'begin' }>,
  deps: Deps,
): Promise<void> {
  const snapshot = deps.jobs.list(tool.namespace).find((one) => one.object.uid === uid);
  const cronJob = await deps.forward.object(tool, key);
  if (!snapshot || !cronJob || textAt(cronJob, 'metadata', 'uid') !== uid || isSuspended(cronJob)) return;
  const { firing } = snapshot.object;
  const isLate = deps.now() > due + (firing?.deadlineMs ?? 0);
  const isBegun = snapshot.runs.some(({ dueAt }) => dueAt === due);
  if (isLate || isBegun || goingRuns(cronJob, snapshot).length > 0) return;
  const held = heldFiring(cronJob, snapshot.object, deps.now());
  const name = held === undefined ? `${key.name}-${Math.floor(due / 1_000)}` : firingName(key.name, held);
  const annotations = { [annotationNames.scheduledFor]: new Date(due).toISOString() };
  try {
    deps.jobs.observe(
      await deps.forward.create(tool, 'one-off', runObject(cronJob, key, name, { annotations, holds: held })),
    );
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
}

/** @throws AppError `request.invalid` for a job of several parts: which of them is meant nobody can know */
function onePart(caller: Caller, name: string, deps: Deps): JobSnapshot {
  const [first, ...others] = scheduledParts(caller, name, deps);
  if (others.length === 0) return first;
  const names = [first, ...others].map(({ key }) => key.name).join(', ');
  throw new AppError('request.invalid', `name: job '${name}' has several parts. Name one of them: ${names}.`, {
    fields: { field: 'name' },
  });
}

/** @throws AppError `request.invalid` for what no variable can be, and what the job has none of */
function variablesAsked(asked: RunAsked, { object: { job } }: JobSnapshot): readonly Variable[] {
  const read = createFieldReader({ parameters: asked.parameters ?? null });
  const parameters = readParameters(read) ?? {};
  const known = job?.variables ?? [];
  const unknown = Object.keys(parameters).find((name) => !known.some((one) => one.name === name));
  if (unknown !== undefined) {
    const names = known.map(({ name }) => name).join(', ');
    read.refuse('parameters', `${shown(unknown)} is not one of this job, which has ${names || 'none'}.`);
  }
  const [problem] = read.problems;
  if (problem) throw new AppError('request.invalid', problem.text, { fields: { field: 'parameters' } });
  return variablesOf(parameters);
}

interface Going {
  /** Uid. */
  readonly id: string | undefined;
  readonly since: number | undefined;
}

/** As the view has them, and those that only the controller knows of yet. */
function goingRuns(cronJob: KubeObject, { runs }: JobSnapshot): Going[] {
  const seen = runs
    .filter((run) => !hasEnded(run))
    .map(({ uid, status, createdAt }) => ({ id: uid, since: status.startedAt ?? createdAt }));
  const unseen = listAt(cronJob, 'status', 'active').flatMap((active): Going[] => {
    const id = textAt(active, 'uid');
    return id === undefined || runs.some(({ uid }) => uid === id) ? [] : [{ id, since: undefined }];
  });
  return [...seen, ...unseen];
}

function hasEnded({ status: { conditions } }: RunFacts): boolean {
  return conditions.some(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True');
}

/** The firing that the controller sees to next: the last one, where it may still begin a run for that, or the one to come. */
function heldFiring(cronJob: KubeObject, { job, firing }: ObjectFacts, now: number): number | undefined {
  const schedule = job?.schedule?.actual;
  if (schedule === undefined || !firing) return undefined;
  const [last] = lastFirings(schedule, now + 1, 1, firing.timeZone);
  const seenTo = Math.max(
    timeAt(cronJob, 'status', 'lastScheduleTime') ?? 0,
    timeAt(cronJob, 'metadata', 'creationTimestamp') ?? 0,
    firing.changedAt ?? 0,
    now - firing.deadlineMs,
  );
  if (last !== undefined && last > seenTo && !isSuspended(cronJob)) return last;
  return nextFirings(schedule, now, 1, firing.timeZone)[0];
}

/** Of the first second that none of these runs has. */
function freeName(name: string, runs: readonly RunFacts[], now: number): string {
  let second = Math.floor(now / 1_000);
  while (runs.some((run) => run.name === `${name}-${second}`)) second += 1;
  return `${name}-${second}`;
}

/** As the controller makes it: of the minutes since the epoch. */
function firingName(name: string, firing: number): string {
  return `${name}-${Math.floor(firing / 60_000)}`;
}

function isRunning(name: string, { id, since }: Going): AppError {
  const when = since === undefined ? '' : ` since ${new Date(since).toISOString().replace('.000Z', 'Z')}`;
  return new AppError(
    'job.running',
    `Job '${name}' is running already${when}${id === undefined ? '' : ` (run ${id.slice(0, 8)})`}, and runs one at a time. Wait for its end, or 'restart' the job, which ends it first.`,
    {
      fields: {
        name,
        ...(id === undefined ? {} : { run: id }),
        ...(since === undefined ? {} : { since: new Date(since).toISOString() }),
      },
    },
  );
}

function isTaken(error: unknown): boolean {
  return error instanceof AppError && error.code === 'job.conflict';
}
