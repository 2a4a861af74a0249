/** What is planned for one job: what handlers/plan.ts finds out, and the rest of this folder tells of it. */
import type { ComparedField } from '../../definition/same-job.ts';
import type { JobDefinition, JobSnapshot, JobType, ResolvedJob } from '../../domain.ts';
import type { AppError } from '../../errors.ts';

/** In one plan. */
export const maxPlannedJobs = 1_000;

export interface PlannedJob {
  readonly name: string;
  readonly type: JobType;
  /** `stay`: it was not asked for, and is left alone. `refuse`: for the reason in `refusal`. */
  readonly action: 'create' | 'update' | 'unchanged' | 'delete' | 'stay' | 'refuse';
  /** As it is: of the type that is asked for, else of another one. Undefined also for what cannot be read. */
  readonly before: ResolvedJob | undefined;
  /** As it will be; undefined for what will not be. */
  readonly after: ResolvedJob | undefined;
  /** What was asked for, where that is a job. */
  readonly definition: JobDefinition | undefined;
  /** Fields in which the two differ. */
  readonly changed: readonly ComparedField[];
  /** What is there, in the type that is asked for. */
  readonly present: JobSnapshot | undefined;
  /** What is there in other types, and is ended. */
  readonly formers: readonly JobSnapshot[];
  readonly refusal: AppError | undefined;
  /** What the cluster may keep it waiting for; a sentence. */
  readonly delay: string | undefined;
  /** Of a job of several parts: each of them, in the order in which they are written; one that goes is a `delete`. */
  readonly parts?: readonly PlannedJob[];
  /** Of a job that was not asked for: a new one that does the same under another name. */
  readonly successor: string | undefined;
}

/** What is planned for each object of a job. */
export function objectsOf(job: PlannedJob): readonly PlannedJob[] {
  return job.parts ?? [job];
}
