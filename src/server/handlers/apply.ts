/**
 * Makes a job be as it is asked for: created where there is none, changed where it differs, left alone where it does not. A job that would
 * have to be made anew is there at every moment: docs/decisions/0006-changes-never-leave-nothing.md says how.
 */
import { decodeDefinition } from '../../definition/definition.ts';
import { annotationNames, selectorTextOf } from '../../definition/labels.ts';
import { suspended, suspensionAfterChange } from '../../definition/suspension.ts';
import type { JobSnapshot, KubeObject, ObjectFacts } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { recordAt, textAt } from '../../fields.ts';
import type { Caller } from '../identify.ts';
import { syncCompanions } from './companions.ts';
import { type Decision, decideChange, type PartDecision } from './decide.ts';
import { type Deps, readyJobs } from './deps.ts';
import { keepFormer } from './former.ts';
import { type Prepared, readRequest } from './prepare.ts';
import { endFormers, endJob } from './remove.ts';
import { createJob } from './run.ts';

export interface Applied {
  readonly outcome: 'created' | 'updated' | 'unchanged' | 'refused';
  readonly name: string;
}

/** @throws AppError as RunJob, and `kube.conflict` when others go on changing the job at the same time */
export type ApplyJob = (caller: Caller, input: Record<string, unknown>) => Promise<Applied>;

export function createApplyJob(deps: Deps): ApplyJob {
  return async (caller, input) => {
    readyJobs(deps);
    const definition = await readRequest(caller, input, deps);
    const { name } = definition;
    return deps.takeTurn(caller, name, async () => {
      const decision = await decideChange(caller, definition, deps);
      const outcome = outcomeOf(decision);
      if (outcome === 'created' || outcome === 'updated') await carryOut(decision, caller, deps);
      return { name, outcome };
    });
  };
}

/** What is told of a decision that was carried out. */
export function outcomeOf({ parts, formers }: Decision): Applied['outcome'] {
  const isEach = (wanted: PartDecision['step']) => parts.every(({ step }) => step === wanted);
  if (parts.some(({ step }) => step === 'refuse')) return 'refused';
  if (formers.length > 0) return 'updated';
  if (isEach('keep')) return 'unchanged';
  return isEach('create') ? 'created' : 'updated';
}

async function carryOut({ parts, formers, endsFormersFirst }: Decision, caller: Caller, deps: Deps): Promise<void> {
  const isTouched = ({ step }: PartDecision) => step !== 'keep' && step !== 'mend';
  const touched = parts.filter(isTouched).flatMap(({ present }) => present ?? []);
  await keepFormer(caller, [...touched, ...formers], 'changed', deps);
  if (endsFormersFirst) await endFormers(caller, formers, deps);
  for (const part of parts) await carryOutPart(part, caller, deps);
  if (!endsFormersFirst) await endFormers(caller, formers, deps);
}

async function carryOutPart({ step, prepared, present }: PartDecision, caller: Caller, deps: Deps): Promise<void> {
  if (step === 'remake' && present) await endJob(caller, present, deps);
  if (step === 'create' || step === 'remake') await createJob(caller, prepared, deps);
  if (step === 'update' && present) await changeJob(present, caller, prepared, deps);
  if (step === 'note' && present) await noteDefinition(present, caller, prepared, deps);
  if (step === 'mend' && present) await mendCompanions(present, caller, prepared, deps);
}

/** Beside a part that is left alone otherwise: nothing that runs of it is touched. */
async function noteDefinition({ key }: JobSnapshot, { tool }: Caller, { object }: Prepared, deps: Deps): Promise<void> {
  const annotations = {
    [annotationNames.definition]: textAt(object, 'metadata', 'annotations', annotationNames.definition),
  };
  deps.jobs.observe(await deps.forward.patch(tool, key, { metadata: { annotations } }));
}

async function changeJob(present: JobSnapshot, caller: Caller, prepared: Prepared, deps: Deps): Promise<void> {
  const stored = await replaceObject(present, caller, prepared, deps);
  deps.jobs.observe(stored);
  if (prepared.job.port !== undefined || present.object.job?.port !== undefined)
    await syncCompanions(caller, prepared.job, stored, deps);
}

async function mendCompanions({ key }: JobSnapshot, caller: Caller, { job }: Prepared, deps: Deps): Promise<void> {
  const deployment = await deps.forward.object(caller.tool, key);
  if (deployment) await syncCompanions(caller, job, deployment, deps);
}

const conflictTries = 4;

/** Writes over exactly the version that was read, so that nobody's change is lost. */
async function replaceObject(
  { key, object: facts }: JobSnapshot,
  { tool }: Caller,
  prepared: Prepared,
  { forward, now }: Deps,
): Promise<KubeObject> {
  const { type } = prepared.definition;
  for (let attempt = 1; ; attempt++) {
    const present = await forward.object(tool, key);
    if (!present) return forward.create(tool, type, prepared.object);
    if (key.kind === 'Deployment' && !hasSameSelector(present, prepared.object)) {
      // Its pods run on without it and are taken over by the one that is made now (apps/v1, adoption by selector).
      await forward.release(tool, key, textAt(present, 'metadata', 'uid') ?? facts.uid);
      return forward.create(tool, type, prepared.object);
    }
    try {
      return await forward.replace(
        tool,
        key,
        withSuspending(present, over(present, prepared.object, now()), facts, prepared, now()),
      );
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
function over(present: KubeObject, wanted: KubeObject, now: number): KubeObject {
  const metadata = recordAt(wanted, 'metadata');
  const annotations = {
    ...recordAt(present, 'metadata', 'annotations'),
    ...recordAt(metadata, 'annotations'),
    ...(firesAlike(present, wanted) ? {} : { [annotationNames.scheduleSince]: new Date(now).toISOString() }),
  };
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

function withSuspending(
  present: KubeObject,
  next: KubeObject,
  facts: ObjectFacts,
  { job: { suspend: wanted } }: Prepared,
  now: number,
): KubeObject {
  const former = decodeDefinition(
    textAt(present, 'metadata', 'annotations', annotationNames.definition) ?? '',
  )?.suspend;
  const suspension = suspensionAfterChange(present, { former, wanted }, facts, now);
  return suspension ? suspended(next, suspension, present) : next;
}

function firesAlike(one: KubeObject, other: KubeObject): boolean {
  return ['schedule', 'timeZone'].every((field) => textAt(one, 'spec', field) === textAt(other, 'spec', field));
}

function withRestart(template: Readonly<Record<string, unknown>>, restartedAt: string): KubeObject {
  const annotations = { [annotationNames.restartedAt]: restartedAt };
  return { ...template, metadata: { ...recordAt(template, 'metadata'), annotations } };
}
