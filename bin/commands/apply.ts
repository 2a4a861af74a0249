/**
 * `apply`: makes jobs be as a file has them, and with --prune deletes those it does not name. Everything is decided by the service before
 * anything is sent, and then sent in the order in which each finds the room that another one makes. Whatever happens on the way, each job is
 * as it was or as it was asked for, and it is said which.
 */
import { AppError, type ErrorCode, errorTable, toAppError } from '../../src/errors.ts';
import type { Plan, PlannedJob } from '../client/client.ts';
import type { FileJob } from '../job-file/jobs-of-file.ts';
import { refuseTogether, usage } from '../terminal/arguments.ts';
import { isChange, planText } from '../terminal/plan-text.ts';
import { endOf } from './load.ts';
import type { Command, Context, Outcome } from './outcome.ts';
import { isCutOff, patiently } from './patience.ts';
import { makePlan } from './plan.ts';
import { createPredecessors, type Predecessors } from './predecessors.ts';
import { nothingSent, readJobs } from './read-jobs.ts';

/** What became of one job, for programs. */
interface Applied {
  readonly name: string;
  readonly action: PlannedJob['action'];
  /** `failed`, `not sent`: it is as it was. `partly`: something was done of it. `unknown`: nobody could be asked what became of it. */
  readonly state: 'done' | 'unchanged' | 'failed' | 'not sent' | 'partly' | 'unknown';
  readonly error?: { readonly code: string; readonly id: string; readonly messages: readonly string[] };
}

type Exit = 0 | 1 | 2;

export const applyFile: Command = async (context) => {
  const { line } = context;
  refuseTogether(line, 'job', 'prune');
  return applyJobs(context, await readJobs(context), line.options.has('prune'));
};

/** @throws AppError `job.invalid` with everything that is in the way, before anything is sent */
export async function applyJobs(context: Context, jobs: readonly FileJob[], prune: boolean): Promise<Outcome> {
  const { line, say, print } = context;
  const plan = await makePlan(context, jobs, prune);
  refuseImpossible(plan, jobs);
  if (!plan.jobs.some(isChange)) say('info', 'Nothing to do: all jobs are as they are asked for.');
  else if (line.options.get('output') !== 'json') await print(`${planText(plan)}\n`);
  if (await isAgreedTo(context, plan)) return carryOut(context, plan, jobs);
  say('info', 'Nothing was changed.');
  return { text: '', data: undefined, exit: 1 };
}

/** @throws AppError `job.invalid` with everything that is in the way */
function refuseImpossible({ jobs, problems }: Plan, asked: readonly FileJob[]): void {
  const refusals = jobs.flatMap(({ name, refusal }) => {
    const number = asked.find((one) => one.name === name)?.number;
    return (refusal?.error ?? []).map((text) => `Invalid job ${number} ('${name}'): ${text}`);
  });
  if (refusals.length + problems.length > 0) throw nothingSent([...refusals, ...problems]);
}

/** Deletions need a yes. @throws AppError `usage.invalid` where nobody is there to give it */
async function isAgreedTo({ line, confirm }: Context, { jobs }: Plan): Promise<boolean> {
  const names = jobs.filter(({ action }) => action === 'delete').map(({ name }) => name);
  if (names.length === 0 || line.options.has('yes')) return true;
  const what = `${names.length} job(s) that the file does not name: ${names.join(', ')}`;
  if (!confirm) throw usage(`This would delete ${what}. Nothing was changed. Add --yes where nobody can be asked.`);
  return confirm(`Delete ${what}?`);
}

async function carryOut(context: Context, plan: Plan, asked: readonly FileJob[]): Promise<Outcome> {
  const named = plan.jobs.filter(({ action }) => action !== 'stay');
  const predecessors = createPredecessors(context, asked);
  const applied: Applied[] = [];
  let exit: Exit = 0;
  let isOver = false;
  for (const [index, { name, action }] of named.entries()) {
    context.progress(`Job ${index + 1} of ${named.length}: ${name}`);
    const job = asked.find((one) => one.name === name);
    const isLeft = action === 'unchanged';
    const unready = job && !isOver && !isLeft ? await predecessors.whenReady(job) : 0;
    const result: Result =
      (isOver && !isLeft) || unready !== 0
        ? notSent(name, action, unready)
        : await applyOne(context, name, action, job);
    applied.push(result.applied);
    const isThere = result.applied.state === 'done' || result.applied.state === 'unchanged';
    const stayed = job && isThere && !isOver ? await stay(context, job, predecessors) : 0;
    exit = Math.max(exit, result.exit, stayed) as Exit;
    isOver ||= result.isOver;
  }
  return summary(context, await settled(context, plan, asked, applied), exit);
}

interface Result {
  readonly applied: Applied;
  readonly exit: Exit;
  /** Whether the next jobs would only meet the same. */
  readonly isOver: boolean;
}

/** @param unready why: 0 where it is not for a job that comes first */
function notSent(name: string, action: PlannedJob['action'], unready: Exit): Result {
  return { applied: { name, action, state: 'not sent' }, exit: unready, isOver: unready === 0 };
}

async function applyOne(
  context: Context,
  name: string,
  action: PlannedJob['action'],
  job: FileJob | undefined,
): Promise<Result> {
  try {
    const isChanged = action !== 'unchanged' && (await send(context, name, job));
    return { applied: { name, action, state: isChanged ? 'done' : 'unchanged' }, exit: 0, isOver: false };
  } catch (thrown) {
    const error = failure(context, name, thrown);
    const { id, exit } = errorTable[error.code];
    const told = { code: error.code, id, messages: error.problems ?? [error.message] };
    return { applied: { name, action, state: 'unknown', error: told }, exit, isOver: isCutOff(error) };
  }
}

/** With a job that is there, as long as the file says. Whatever becomes of the waiting, it is there. */
async function stay(context: Context, job: FileJob, predecessors: Predecessors): Promise<Exit> {
  await predecessors.made(job);
  if (job.wait === undefined) return 0;
  const exit = await endOf(context, job, job.wait).catch(
    (thrown: unknown): Exit => errorTable[failure(context, job.name, thrown).code].exit,
  );
  predecessors.ended(job, exit);
  return exit;
}

/** Says it. */
function failure({ signal, say }: Context, name: string, thrown: unknown): AppError {
  signal.throwIfAborted();
  const error = toAppError(thrown);
  for (const text of error.problems ?? [error.message]) say('error', `${name}: ${text} (${errorTable[error.code].id})`);
  return error;
}

/** A refusal may come in the middle, and an answer not at all: what has become of the job is asked, and not concluded. */
async function settled(
  context: Context,
  plan: Plan,
  asked: readonly FileJob[],
  applied: readonly Applied[],
): Promise<readonly Applied[]> {
  if (applied.every(({ state }) => state !== 'unknown')) return applied;
  const bodies = asked.map(({ body }) => body);
  const again = await context.client
    .planJobs({ jobs: bodies, operation: 'apply', prune: context.line.options.has('prune') })
    .catch(() => undefined);
  context.signal.throwIfAborted();
  if (!again) return applied;
  const find = ({ jobs }: Plan, wanted: string) => jobs.find(({ name }) => name === wanted);
  return applied.map((job) =>
    job.state === 'unknown' ? { ...job, state: stateOf(find(plan, job.name), find(again, job.name)) } : job,
  );
}

/** @param left what is still to be done of it */
function stateOf(planned: PlannedJob | undefined, left: PlannedJob | undefined): Applied['state'] {
  if (!left || left.action === 'unchanged') return 'done';
  const isSame = left.action === planned?.action && left.effect === planned.effect;
  const rest = ({ changes, parts }: PlannedJob) => JSON.stringify([changes, parts]);
  return isSame && rest(left) === rest(planned) ? 'failed' : 'partly';
}

/** Whether it was done is not known, or will be soon. Making a job be as it is asked for may be asked for twice, and so may its deletion. */
const repeatable: readonly ErrorCode[] = ['service.unreachable', 'kube.state_unknown', 'kube.unreachable'];

/** @returns whether anything was changed: somebody else may have been faster */
async function send(context: Context, name: string, job: FileJob | undefined): Promise<boolean> {
  const { client, say } = context;
  if (job) return patiently(context, () => client.applyJob(job.body), repeatable);
  await patiently(context, () => client.deleteJob(name).catch(unlessGone), repeatable);
  say('info', `Job ${name} deleted`);
  return true;
}

function unlessGone(error: unknown): void {
  if (!(error instanceof AppError) || error.code !== 'job.not_found') throw error;
}

function summary({ say }: Context, jobs: readonly Applied[], exit: Exit): Outcome {
  const inState = (...states: Applied['state'][]) =>
    jobs.filter(({ state }) => states.includes(state)).map(({ name }) => name);
  const [done, unchanged, left] = [inState('done'), inState('unchanged'), inState('failed', 'not sent')];
  const [partly, unknown] = [inState('partly'), inState('unknown')];
  const failed = left.length + partly.length + unknown.length;
  if (left.length > 0) say('error', `As before: ${left.join(', ')}`);
  if (partly.length > 0) say('error', `Neither as before nor as asked for, apply once more: ${partly.join(', ')}`);
  if (unknown.length > 0) say('error', `Not known, look with 'plan': ${unknown.join(', ')}`);
  if (failed > 0 && done.length > 0) say('info', `As asked for: ${done.join(', ')}`);
  if (failed + done.length > 0) say('info', `${done.length} job(s) changed, ${unchanged.length} unchanged`);
  return { text: '', data: { changed: done.length, unchanged: unchanged.length, failed, jobs }, exit };
}
