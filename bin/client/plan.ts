/** A plan as the service answers it. What is done by it is checked; what is only shown is shown as it is. */
import { isRecord, type Job, notUnderstood } from './session.ts';
import type * as declared from './typed.ts';

export type Plan = declared.Plan;
export type PlannedJob = declared.PlannedJob;

const actions: readonly unknown[] = ['create', 'update', 'unchanged', 'delete', 'stay', 'refuse'];

/** @throws AppError `service.failed` for what is no plan */
export function planOf(answer: Job): Plan {
  const { plan } = answer;
  if (!isRecord(plan)) throw notUnderstood();
  const [jobs, quota] = [recordsIn(plan.jobs), recordsIn(plan.quota)];
  return {
    jobs: jobs.map(plannedJobOf),
    quota: quota as unknown as Plan['quota'],
    problems: textsIn(plan.problems),
  };
}

function plannedJobOf(job: Job): PlannedJob {
  if (typeof job.name !== 'string' || !actions.includes(job.action)) throw notUnderstood();
  return {
    ...(job as unknown as PlannedJob),
    changes: recordsIn(job.changes) as unknown as PlannedJob['changes'],
    message: typeof job.message === 'string' ? job.message : '',
    next_schedules: textsIn(job.next_schedules),
    warnings: textsIn(job.warnings),
  };
}

function recordsIn(value: unknown): Job[] {
  if (!Array.isArray(value)) throw notUnderstood();
  return value.filter(isRecord);
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
