/**
 * What becomes of a job that is asked for. It is decided here alone, for run.ts and apply.ts, which do it, and for plan.ts, which only says
 * it. Nothing is written.
 */
import { hasPart, partsOf } from '../../definition/parts.ts';
import { isSameJob } from '../../definition/same-job.ts';
import { suspendOf, suspensionNow } from '../../definition/suspension.ts';
import { type JobDefinition, type JobSnapshot, jobNameOf, type Suspend, typeOfKind } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Caller } from '../identify.ts';
import { type Deps, readyJobs } from './deps.ts';
import { type Prepared, prepareJob } from './prepare.ts';

export interface Decision {
  readonly definition: JobDefinition;
  /** Of each object that the job is to be, in the order in which they are written. One, but for jobs of several parts. */
  readonly parts: readonly PartDecision[];
  /**
   * What is there of the job beside them, and is ended: a part that is asked for no more, the job in other types (two where an earlier
   * change of type was cut off), or as what it was before it had parts.
   */
  readonly formers: readonly JobSnapshot[];
  /** Whether they are ended before anything is made: then others of the job go on, and their room may be needed. */
  readonly endsFormersFirst: boolean;
}

export interface PartDecision {
  /**
   * `remake`: what has ended makes room for it. `note`: it is as asked for, and what is noted beside it of the other parts is not. `mend`:
   * it is as asked for, but cannot be reached. `refuse`: it runs, and cannot be changed while it does.
   */
  readonly step: 'create' | 'remake' | 'update' | 'note' | 'mend' | 'keep' | 'refuse';
  readonly prepared: Prepared;
  /** The object as it is, of the type that is asked for. */
  readonly present: JobSnapshot | undefined;
}

/** What a plan knows of the other jobs, and a single request takes from the view. */
export interface Beside {
  /** Names of the jobs that will have the address of the tool. Absent: as the view has them. */
  readonly publishers?: readonly string[];
  /** Objects that will be gone by then, by name. Absent: none. */
  readonly leaving?: ReadonlySet<string>;
}

/** @throws AppError what is wrong with the definition, as prepareJob(); `job.conflict`, `limits.exceeded`, `kube.*` */
export type Decide = (caller: Caller, definition: JobDefinition, deps: Deps, beside?: Beside) => Promise<Decision>;

/** Of a job that must be new. A one-off that has ended makes room for the next of its name. @throws AppError `job.conflict` */
export const decideCreation: Decide = async (caller, definition, deps, beside = {}) => {
  const existing = objectsOf(caller, definition.name, deps);
  if (existing.some((one) => !hasEnded(one))) throw nameTaken(definition.name);
  refuseTaken(caller, definition, deps, beside);
  const prepared = await prepareJob(caller, definition, deps, beside.publishers);
  await checkLimits(caller, prepared, deps);
  const parts = prepared.map((part): PartDecision => {
    const present = existing.find(({ key }) => key.name === part.job.name);
    return { step: present ? 'remake' : 'create', prepared: part, present };
  });
  return { definition, parts, formers: othersOf(existing, parts), endsFormersFirst: true };
};

/** Of a job that is created where there is none, changed where it differs, and left alone where it does not. */
export const decideChange: Decide = async (caller, asked, deps, beside = {}) => {
  const definition = withoutSuspensionOfCommand(asked, objectsOf(caller, asked.name, deps));
  const prepared = await prepareJob(caller, definition, deps, beside.publishers);
  refuseTaken(caller, definition, deps, beside);
  const existing = objectsOf(caller, definition.name, deps);
  const all: PartDecision[] = [];
  for (const part of prepared) {
    const present = existing.find(({ key }) => key.name === part.job.name && typeOfKind[key.kind] === definition.type);
    all.push({ step: present ? await stepFrom(present, caller, part, deps) : 'create', prepared: part, present });
  }
  const parts = all.filter((part) => !hasRunItsCourse(part, all));
  const isWritten = parts.some(({ step }) => step === 'create' || step === 'remake' || step === 'update');
  if (isWritten) await checkLimits(caller, prepared, deps);
  const formers = othersOf(existing, parts);
  return {
    definition,
    // What is only noted comes last: whoever is cut off before has still to be told of what is left to do.
    parts: [...parts.filter(({ step }) => step !== 'note'), ...parts.filter(({ step }) => step === 'note')],
    formers,
    endsFormersFirst: parts.some(({ present }) => present !== undefined && isPart(present)),
  };
};

/** What a command has suspended is dumped so: asked for like that it stays suspended by the command, and is no change. */
function withoutSuspensionOfCommand(asked: JobDefinition, existing: readonly JobSnapshot[]): JobDefinition {
  const { suspend, ...others } = asked;
  const isByCommand = ({ object }: JobSnapshot) =>
    object.status.suspended && object.job?.suspend === undefined && isSame(suspendOf(suspensionNow(object)), suspend);
  return existing.length > 0 && existing.every(isByCommand) ? others : asked;
}

function isSame(one: Suspend, other: Suspend | undefined): boolean {
  const end = ({ until }: Suspend) => (until === undefined ? undefined : Date.parse(until));
  return other !== undefined && one.note === other.note && end(one) === end(other);
}

async function stepFrom(
  present: JobSnapshot,
  caller: Caller,
  { job, definition }: Prepared,
  deps: Deps,
): Promise<PartDecision['step']> {
  const { job: running, definition: asked, deletingAt } = present.object;
  if (running && isSameJob(job, running) && deletingAt === undefined) {
    if (await isUnreachable(present, caller, deps)) return 'mend';
    return job.group === undefined || (asked && hasSameParts(asked, definition)) ? 'keep' : 'note';
  }
  if (present.key.kind !== 'Job') return 'update';
  return hasEnded(present) ? 'remake' : 'refuse';
}

function hasSameParts(one: JobDefinition, other: JobDefinition): boolean {
  const [names, others] = [one, other].map((definition) => partsOf(definition).map(({ name }) => name));
  return names?.length === others?.length && names?.every((name) => others?.includes(name)) === true;
}

/** A part of a one-off that is gone while others of the same request are still there: it has run, and is not run again. */
function hasRunItsCourse({ step, prepared }: PartDecision, all: readonly PartDecision[]): boolean {
  const { name, type } = prepared.job;
  if (step !== 'create' || type !== 'one-off') return false;
  return all.some(({ step: other, present }) => {
    const asked = present?.object.definition;
    return (other === 'keep' || other === 'note') && asked !== undefined && hasPart(asked, name);
  });
}

function othersOf(existing: readonly JobSnapshot[], parts: readonly PartDecision[]): JobSnapshot[] {
  return existing.filter((one) => !parts.some(({ present }) => present === one));
}

/** What is there of a job: of one without parts that is one object, but for a change of its type. */
export function objectsOf({ tool }: Caller, name: string, deps: Deps): readonly JobSnapshot[] {
  return readyJobs(deps)
    .list(tool.namespace)
    .filter((one) => jobNameOf(one) === name);
}

function isPart({ object }: JobSnapshot): boolean {
  return object.job?.group !== undefined;
}

/** Names are those of objects: a part never takes that of another job, nor a job that of a part. @throws AppError `job.conflict`, `job.is_part` */
function refuseTaken({ tool }: Caller, definition: JobDefinition, deps: Deps, { leaving }: Beside): void {
  const names = new Set(partsOf(definition).map(({ name }) => name));
  const other = deps.jobs
    .list(tool.namespace)
    .find((one) => names.has(one.key.name) && jobNameOf(one) !== definition.name && !leaving?.has(one.key.name));
  if (!other) return;
  if (other.key.name === definition.name) throw onlyAPart(other);
  const text = `A part of the job '${definition.name}' would have the name ${other.key.name}, which is that of another job. Nothing was changed.`;
  throw new AppError('job.conflict', text, { fields: { field: 'name', value: other.key.name } });
}

/** @throws AppError `job.is_part` for a name that is a part's, not a job's: earlier clients, which know no parts, are not asked */
export function refusePart({ tool }: Caller, name: string, deps: Deps): void {
  const part = readyJobs(deps)
    .list(tool.namespace)
    .find((one) => one.key.name === name && isPart(one));
  if (part) throw onlyAPart(part);
}

function onlyAPart(part: JobSnapshot): AppError {
  const job = jobNameOf(part);
  const text = `'${part.key.name}' is a part of the job '${job}', and is changed together with it. Nothing was changed.`;
  return new AppError('job.is_part', text, { fields: { field: 'name', value: part.key.name, job } });
}

/** Parts ask for the same. */
async function checkLimits({ tool }: Caller, [first]: readonly Prepared[], deps: Deps): Promise<void> {
  if (first) await deps.checkLimits(tool, first.job);
}

/** Whether whoever made the job was cut off before its Service; asked only of a job with a port. */
async function isUnreachable({ key, object }: JobSnapshot, { tool }: Caller, { forward }: Deps): Promise<boolean> {
  return object.job?.port !== undefined && (await forward.companion(tool, 'Service', key.name)) === undefined;
}

export function hasEnded({ key, state }: JobSnapshot): boolean {
  return key.kind === 'Job' && (state === 'succeeded' || state === 'failed');
}

export function nameTaken(name: string, cause?: unknown): AppError {
  return new AppError('job.conflict', `A job with the name ${name} exists already. Nothing was changed.`, {
    cause,
    fields: { field: 'name', value: name },
  });
}
