/**
 * What becomes of a job that is asked for. It is decided here alone, for run.ts and apply.ts, which do it, and for plan.ts, which only says
 * it. Nothing is written.
 */
import { isSameJob } from '../../definition/same-job.ts';
import { type JobDefinition, type JobSnapshot, typeOfKind } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Caller } from '../identify.ts';
import { type Deps, readyJobs } from './deps.ts';
import { type Prepared, prepareJob } from './prepare.ts';

export interface Decision {
  /**
   * `remake`: what has ended makes room for it. `mend`: it is as asked for, but cannot be reached. `refuse`: it runs, and cannot be changed
   * while it does.
   */
  readonly step: 'create' | 'remake' | 'update' | 'mend' | 'keep' | 'refuse';
  readonly prepared: Prepared;
  /** The job as it is, in the type that is asked for. */
  readonly present: JobSnapshot | undefined;
  /** The job in other types, ended when it is there in the new one: two where an earlier change of type was cut off. */
  readonly formers: readonly JobSnapshot[];
}

/**
 * @param publishers names of the jobs that will have the address of the tool; as the view has them where absent
 * @throws AppError what is wrong with the definition, as prepareJob(); `limits.exceeded`, `kube.*`
 */
export type Decide = (
  caller: Caller,
  definition: JobDefinition,
  deps: Deps,
  publishers?: readonly string[],
) => Promise<Decision>;

/** Of a job that must be new. A one-off that has ended makes room for the next of its name. @throws AppError `job.conflict` */
export const decideCreation: Decide = async (caller, definition, deps, publishers) => {
  const present = readyJobs(deps).find(caller.tool.namespace, definition.name);
  if (present && !hasEnded(present)) throw nameTaken(definition.name);
  const prepared = await prepareJob(caller, definition, deps, publishers);
  await deps.checkLimits(caller.tool, prepared.job);
  return { step: present ? 'remake' : 'create', prepared, present, formers: [] };
};

/** Of a job that is created where there is none, changed where it differs, and left alone where it does not. */
export const decideChange: Decide = async (caller, definition, deps, publishers) => {
  const prepared = await prepareJob(caller, definition, deps, publishers);
  const existing = readyJobs(deps)
    .list(caller.tool.namespace)
    .filter(({ key }) => key.name === definition.name);
  const present = existing.find(({ key }) => typeOfKind[key.kind] === definition.type);
  const formers = existing.filter((one) => one !== present);
  const step = present ? await stepFrom(present, caller, prepared, deps) : 'create';
  if (step === 'create' || step === 'remake' || step === 'update') await deps.checkLimits(caller.tool, prepared.job);
  return { step, prepared, present, formers };
};

async function stepFrom(
  present: JobSnapshot,
  caller: Caller,
  { job }: Prepared,
  deps: Deps,
): Promise<Decision['step']> {
  const running = present.object.job;
  if (running && isSameJob(job, running) && present.object.deletingAt === undefined) {
    return (await isUnreachable(present, caller, deps)) ? 'mend' : 'keep';
  }
  if (present.key.kind !== 'Job') return 'update';
  return hasEnded(present) ? 'remake' : 'refuse';
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
