/**
 * A scheduled job that starts no runs for a while, and one that goes on: asked for by its owner, or done by the service as the tool
 * (errands.ts). What runs of it already is left alone.
 */
import {
  lastingOf,
  problemsOfSuspend,
  resumptionOf,
  suspensionFor,
  suspensionPart,
} from '../../definition/suspension.ts';
import type { JobKey, JobParts, KubeKind, KubeObject, Suspend, Suspension, Tool } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { textAt } from '../../fields.ts';
import type { Caller } from '../identify.ts';
import type { Deps } from './deps.ts';
import { turnOf } from './remove.ts';
import { jobNotFound, showParts } from './show.ts';

/**
 * One that is suspended already keeps its beginning, and gets the note and the end that are asked for now.
 * @throws AppError `request.invalid`, `job.not_found`, `job.not_scheduled`, `credentials.*`, `kube.*`
 */
export async function suspendJob(caller: Caller, name: string, asked: Suspend, deps: Deps): Promise<Suspension> {
  const [problem] = problemsOfSuspend(asked);
  const isPast = asked.until !== undefined && Date.parse(asked.until) <= deps.now();
  if (problem) throw invalid(problem.field, problem.rule);
  if (isPast) throw invalid('until', 'must be a time to come.');
  return deps.takeTurn(caller, turnOf(caller, name, deps), async () => {
    let suspension = suspensionFor(asked, { since: deps.now() });
    for (const { key } of scheduledParts(caller, name, deps)) {
      suspension = await changeSuspension(caller.tool, key, deps, (cronJob) => {
        const { since } = lastingOf(cronJob) ?? { since: deps.now() };
        return suspensionFor(asked, { since });
      });
    }
    return suspension;
  });
}

/**
 * Nothing is fired that fell due meanwhile: where the cluster would still begin such a run, the job goes on a few seconds later, which the
 * service looks after as after any other end of a suspension.
 * @returns what is known of the suspension; undefined where the job was not suspended. `until` is to come where it lasts a moment longer
 * @throws AppError `job.not_found`, `job.not_scheduled`, `credentials.*`, `kube.*`
 */
export async function resumeJob(caller: Caller, name: string, deps: Deps): Promise<Suspension | undefined> {
  return deps.takeTurn(caller, turnOf(caller, name, deps), async () => {
    let suspension: Suspension | undefined;
    for (const { key, object } of scheduledParts(caller, name, deps)) {
      const decide = (cronJob: KubeObject) => resumptionOf(cronJob, object, deps.now());
      const changed = await changeSuspension(caller.tool, key, deps, decide);
      // Of several the one that goes on last tells.
      if (!suspension || changed?.resumedAt === undefined) suspension = changed ?? suspension;
    }
    return suspension;
  });
}

const conflictTries = 4;

/** @param decide what is to be written to the CronJob as it is; undefined: nothing */
export async function changeSuspension<Decided extends Suspension | undefined>(
  tool: Tool,
  key: JobKey,
  { forward, jobs }: Deps,
  decide: (cronJob: KubeObject) => Decided,
): Promise<Decided> {
  for (let attempt = 1; ; attempt++) {
    const cronJob = await forward.object(tool, key);
    if (!cronJob) throw jobNotFound(key.name);
    const suspension = decide(cronJob);
    if (!suspension) return suspension;
    const { metadata, spec } = suspensionPart(suspension, cronJob);
    // The version: what was decided is about the object that was read.
    const resourceVersion = textAt(cronJob, 'metadata', 'resourceVersion');
    try {
      jobs.observe(await forward.patch(tool, key, { metadata: { ...metadata, resourceVersion }, spec }));
      return suspension;
    } catch (error) {
      const isLost = error instanceof AppError && error.code === 'kube.conflict';
      if (!isLost || attempt === conflictTries) throw error;
    }
  }
}

/** @throws AppError `job.not_found`, `job.not_scheduled` */
export function scheduledParts(caller: Caller, name: string, deps: Deps): JobParts {
  const parts = showParts(caller, name, deps);
  const unscheduled = parts.find(({ key }) => key.kind !== 'CronJob');
  if (!unscheduled) return parts;
  throw notScheduled(name, unscheduled.key.kind);
}

function notScheduled(name: string, kind: KubeKind): AppError {
  const instead =
    kind === 'Deployment'
      ? "A continuous job stands still with 'replicas: 0' in its file, or is deleted."
      : 'A one-off job runs once: it can be deleted, and run again.';
  return new AppError(
    'job.not_scheduled',
    `Job '${name}' has no schedule: only scheduled jobs are suspended, resumed and run by hand. ${instead}`,
    { fields: { name } },
  );
}

function invalid(field: string, rule: string): AppError {
  return new AppError('request.invalid', `${field}: ${rule}`, { fields: { field } });
}
