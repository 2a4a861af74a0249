/** `plan`: what `apply` would do with a file, in plain words. Asked of the service, which decides the same for both; nothing is changed. */
import { AppError, type ErrorCode, errorTable } from '../../src/errors.ts';
import type { Plan, PlannedJob, PlanRequest } from '../client/client.ts';
import type { FileJob } from '../job-file/jobs-of-file.ts';
import { lintJob, lintTogether } from '../job-file/lint.ts';
import { refuseTogether } from '../terminal/arguments.ts';
import { isChange, planText } from '../terminal/plan-text.ts';
import type { NewJob } from './new-job.ts';
import type { Command, Context } from './outcome.ts';
import { patiently } from './patience.ts';
import { readJobs } from './read-jobs.ts';

/** Of `--exit-code`; 1 and 2 are failures. */
const changesExit = 3;

export const planFile: Command = async (context) => {
  const { line, say } = context;
  refuseTogether(line, 'job', 'prune');
  const jobs = await readJobs(context);
  const plan = await makePlan(context, jobs, line.options.has('prune'));
  for (const text of plan.problems) say('error', text);
  const isPossible = plan.problems.length === 0 && !plan.jobs.some(({ action }) => action === 'refuse');
  const exit = plan.jobs.some(isChange) && line.options.has('exit-code') ? changesExit : 0;
  return { text: planText(plan), data: plan, exit: isPossible ? exit : 1 };
};

/** Says on the way what is hardly meant as it is. */
export async function makePlan(context: Context, jobs: readonly FileJob[], prune: boolean): Promise<Plan> {
  return ask(context, { jobs: jobs.map(({ body }) => body), operation: 'apply', prune });
}

/** Of a job that is to be run. @throws AppError as the run itself */
export async function planRun(context: Context, body: NewJob): Promise<Plan> {
  const { jobs, ...plan } = await ask(context, { jobs: [body], operation: 'run', prune: false });
  const [job] = jobs.filter(({ name, action }) => name === body.name && action !== 'stay');
  if (job?.refusal) throw refusalOf(job.refusal);
  return { ...plan, jobs: job ? [job] : [] };
}

function refusalOf({ code, error }: NonNullable<PlannedJob['refusal']>): AppError {
  const known = Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'service.refused';
  return new AppError(known, error.join('\n'), error.length > 1 ? { problems: error } : {});
}

async function ask(context: Context, request: PlanRequest): Promise<Plan> {
  context.progress('Asking what would become of the jobs');
  const plan = await patiently(context, () => context.client.planJobs(request)).catch(sayIfOlder);
  const bodies = new Map(request.jobs.map((body) => [body.name, body]));
  const jobs: PlannedJob[] = [];
  const changed: NewJob[] = [];
  for (const job of plan.jobs) {
    const body = isChange(job) ? bodies.get(job.name) : undefined;
    if (body) changed.push(body);
    jobs.push(body ? { ...job, warnings: [...job.warnings, ...(await lintJob(body, context.home))] } : job);
  }
  const ofJobs = jobs.flatMap(({ name, warnings }) => warnings.map((text) => `${name}: ${text}`));
  const waiting = plan.quota.filter(({ fits }) => !fits).map(waitWords);
  for (const text of [...ofJobs, ...lintTogether(changed), ...waiting]) context.say('warning', text);
  return { ...plan, jobs };
}

function waitWords({ name, after, limit }: Plan['quota'][number]): string {
  return `${name}: ${after} would be needed, of ${limit}. What does not fit waits for room.`;
}

function sayIfOlder(error: unknown): never {
  const isOlder = error instanceof AppError && ['route.not_found', 'request.unsupported'].includes(error.code);
  if (!isOlder) throw error;
  throw new AppError(error.code, "The service is an older one, which cannot plan. 'load' works with it.", {
    cause: error,
  });
}
