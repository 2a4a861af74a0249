/**
 * Makes a job be as it is asked for: created where there is none, changed where it differs, left alone where it does not. A job that would
 * have to be made anew is there at every moment: docs/decisions/0006-changes-never-leave-nothing.md says how.
 */
import { annotationNames, selectorTextOf } from '../../definition/labels.ts';
import { isSameJob } from '../../definition/same-job.ts';
import { type JobSnapshot, type KubeObject, typeOfKind } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { recordAt, textAt } from '../../fields.ts';
import type { Caller } from '../identify.ts';
import { syncCompanions } from './companions.ts';
import { type Deps, readyJobs } from './deps.ts';
import { type Prepared, prepareJob, readRequest } from './prepare.ts';
import { endFormer, endJob } from './remove.ts';
import { createJob, hasEnded } from './run.ts';

export interface Applied {
  readonly outcome: 'created' | 'updated' | 'unchanged' | 'refused';
  readonly name: string;
}

/** @throws AppError as RunJob, and `kube.conflict` when others go on changing the job at the same time */
export type ApplyJob = (caller: Caller, input: Record<string, unknown>) => Promise<Applied>;

export function createApplyJob(deps: Deps): ApplyJob {
  return async (caller, input) => {
    const jobs = readyJobs(deps);
    const definition = await readRequest(caller, input, deps);
    const { name } = definition;
    return deps.takeTurn(caller, name, async () => {
      const prepared = await prepareJob(caller, definition, deps);
      const existing = jobs.list(caller.tool.namespace).filter(({ key }) => key.name === name);
      return { name, outcome: await applyTo(existing, caller, prepared, deps) };
    });
  };
}

/** @param existing of all kinds: two where a change of type was cut off */
async function applyTo(
  existing: readonly JobSnapshot[],
  caller: Caller,
  prepared: Prepared,
  deps: Deps,
): Promise<Applied['outcome']> {
  const { type } = prepared.definition;
  const same = existing.find(({ key }) => typeOfKind[key.kind] === type);
  const others = existing.filter((one) => one !== same);
  const outcome = same ? await changeJob(same, caller, prepared, deps) : await makeJob(caller, prepared, deps);
  for (const other of others) await endFormer(caller, other, deps);
  if (others.length === 0) return outcome;
  return outcome === 'unchanged' || outcome === 'created' ? 'updated' : outcome;
}

async function makeJob(caller: Caller, prepared: Prepared, deps: Deps): Promise<'created'> {
  await deps.checkLimits(caller.tool, prepared.job);
  await createJob(caller, prepared, deps);
  return 'created';
}

async function changeJob(
  existing: JobSnapshot,
  caller: Caller,
  prepared: Prepared,
  deps: Deps,
): Promise<Applied['outcome']> {
  const running = existing.object.job;
  if (running && isSameJob(prepared.job, running) && existing.object.deletingAt === undefined) {
    return (await isUnreachable(existing, caller, deps))
      ? mendCompanions(existing, caller, prepared, deps)
      : 'unchanged';
  }
  if (existing.key.kind === 'Job' && !hasEnded(existing)) return 'refused';
  await deps.checkLimits(caller.tool, prepared.job);
  if (existing.key.kind === 'Job') {
    await endJob(caller, existing, deps);
    await createJob(caller, prepared, deps);
    return 'updated';
  }
  const stored = await replaceObject(existing, caller, prepared, deps);
  deps.jobs.observe(stored);
  if (prepared.job.port !== undefined || running?.port !== undefined)
    await syncCompanions(caller, prepared.job, stored, deps);
  return 'updated';
}

/** Whether whoever made the job was cut off before its Service; asked only of a job with a port. */
async function isUnreachable({ key, object }: JobSnapshot, { tool }: Caller, { forward }: Deps): Promise<boolean> {
  return object.job?.port !== undefined && (await forward.companion(tool, 'Service', key.name)) === undefined;
}

async function mendCompanions(
  { key }: JobSnapshot,
  caller: Caller,
  { job }: Prepared,
  deps: Deps,
): Promise<'updated' | 'unchanged'> {
  const deployment = await deps.forward.object(caller.tool, key);
  if (!deployment) return 'unchanged';
  await syncCompanions(caller, job, deployment, deps);
  return 'updated';
}

const conflictTries = 4;

/** Writes over exactly the version that was read, so that nobody's change is lost. */
async function replaceObject(
  { key, object: { uid } }: JobSnapshot,
  { tool }: Caller,
  prepared: Prepared,
  { forward }: Deps,
): Promise<KubeObject> {
  const { type } = prepared.definition;
  for (let attempt = 1; ; attempt++) {
    const present = await forward.object(tool, key);
    if (!present) return forward.create(tool, type, prepared.object);
    if (key.kind === 'Deployment' && !hasSameSelector(present, prepared.object)) {
      // Its pods run on without it and are taken over by the one that is made now (apps/v1, adoption by selector).
      await forward.release(tool, key, textAt(present, 'metadata', 'uid') ?? uid);
      return forward.create(tool, type, prepared.object);
    }
    try {
      return await forward.replace(tool, key, over(present, prepared.object));
    } catch (error) {
      const isLost = error instanceof AppError && error.code === 'kube.conflict';
      if (!isLost || attempt === conflictTries) throw error;
    }
  }
}

function hasSameSelector(present: KubeObject, wanted: KubeObject): boolean {
  return selectorTextOf(present) === selectorTextOf(wanted);
}

/** The wanted object in the place of the present one: what others wrote beside it stays, and so does the mark of the last restart. */
function over(present: KubeObject, wanted: KubeObject): KubeObject {
  const metadata = recordAt(wanted, 'metadata');
  const annotations = { ...recordAt(present, 'metadata', 'annotations'), ...recordAt(metadata, 'annotations') };
  const spec = recordAt(wanted, 'spec');
  const suspend = recordAt(present, 'spec').suspend;
  const restartedAt = textAt(present, 'spec', 'template', 'metadata', 'annotations', annotationNames.restartedAt);
  return {
    ...wanted,
    metadata: { ...metadata, annotations, resourceVersion: textAt(present, 'metadata', 'resourceVersion') },
    spec: {
      ...spec,
      ...(suspend === true ? { suspend } : {}),
      ...(restartedAt === undefined ? {} : { template: withRestart(recordAt(spec, 'template'), restartedAt) }),
    },
  };
}

function withRestart(template: Readonly<Record<string, unknown>>, restartedAt: string): KubeObject {
  const annotations = { [annotationNames.restartedAt]: restartedAt };
  return { ...template, metadata: { ...recordAt(template, 'metadata'), annotations } };
}
