/**
 * Stays with a run of a job until it has ended, and says how. Follows the service's events, asks where there are none, and takes the record
 * of the run where the job has gone. What is not known is said, never guessed: a vanished job is not a finished one.
 */
import { AppError, errorTable } from '../../src/errors.ts';
import type { Client, Job } from '../client/client.ts';
import { endOf } from '../terminal/job-rows.ts';
import type { Context, Outcome } from './outcome.ts';
import { type RunWatch, watchRun } from './run-watch.ts';
import { showText } from './show.ts';

export interface WaitOptions {
  /** Whether the caller needs to know how the run ended to the exit code; it then comes as `run`. */
  readonly needsRun?: boolean;
}

export interface WaitOutcome extends Outcome {
  readonly exit?: 0 | 1 | 2;
  /** The record of the run, where it was needed or told. */
  readonly run?: Job;
}

const pollMs = 1_000;
/** With events asking only makes sure; of what cannot start more is known a moment later. */
const livePollMs = 30_000;
const pendingPollMs = 5_000;
/** How long a job that has ended may be without its record. */
const recordMs = 10_000;

/**
 * @param job as the service answered its creation, or asked just now; its `run_id` says which run is waited for, without it the present one
 * @returns exit 0 when it succeeded, 1 when it failed (and its description), 2 when time ran out, it was stopped, or how it ended is not known
 * @throws AppError for refusals that waiting cannot change
 */
export async function waitForEnd(
  context: Context,
  job: Job,
  timeoutSeconds: number,
  options: WaitOptions = {},
): Promise<WaitOutcome> {
  const { client, clock } = context;
  const name = String(job.name);
  const parts = job.matrix === undefined ? undefined : (job.parts ?? (await client.showJob(name)).parts);
  if (Array.isArray(parts)) return waitForParts(context, job, parts, timeoutSeconds, options);
  const watch = watchRun(client, name, clock);
  const wait: Wait = { context, name, watch, options, deadline: clock.now() + timeoutSeconds * 1000, said: new Set() };
  const runId = typeof job.run_id === 'string' ? job.run_id : undefined;
  let state: State = { job, runId, endedAt: undefined };
  try {
    for (;;) {
      const told = watch.ended.find(({ id }) => id === state.runId);
      if (told) return byRecord(wait, state.job, told);
      const step = await look(wait, state);
      if ('outcome' in step) return step.outcome;
      state = step.state;
      const leftMs = wait.deadline - clock.now();
      if (leftMs <= 0) return timedOut(context, state.job, name, timeoutSeconds);
      await watch.news(Math.min(leftMs, pauseOf(watch, state)));
    }
  } finally {
    watch.close();
  }
}

/** With one after the other: what ended meanwhile is told when its turn comes. */
async function waitForParts(
  context: Context,
  job: Job,
  parts: readonly Job[],
  timeoutSeconds: number,
  options: WaitOptions,
): Promise<WaitOutcome> {
  const { clock } = context;
  const deadline = clock.now() + timeoutSeconds * 1000;
  const outcomes: WaitOutcome[] = [];
  for (const part of parts) {
    const left = Math.max(0, Math.ceil((deadline - clock.now()) / 1000));
    outcomes.push(await waitForEnd(context, part, left, options));
  }
  const worst = Math.max(0, ...outcomes.map(({ exit = 0 }) => exit)) as 0 | 1 | 2;
  const run = outcomes.find(({ exit }) => exit === worst)?.run;
  return {
    text: outcomes
      .map(({ text }) => text)
      .filter((text) => text !== '')
      .join('\n'),
    data: job,
    ...(worst === 0 ? {} : { exit: worst }),
    ...(run ? { run } : {}),
  };
}

interface Wait {
  readonly context: Context;
  readonly name: string;
  readonly watch: RunWatch;
  readonly options: WaitOptions;
  readonly deadline: number;
  /** What was said on the way, each thing once. */
  readonly said: Set<string>;
}

interface State {
  /** As it was last seen. */
  readonly job: Job;
  readonly runId: string | undefined;
  /** When the job was first seen at its end while its record was still missing. */
  readonly endedAt: number | undefined;
}

type Step = { readonly state: State } | { readonly outcome: WaitOutcome };

function pauseOf(watch: RunWatch, { job, endedAt }: State): number {
  if (!watch.isLive() || endedAt !== undefined) return pollMs;
  return statusOf(job) === 'pending' ? pendingPollMs : livePollMs;
}

async function look(wait: Wait, state: State): Promise<Step> {
  const { context, name } = wait;
  try {
    const job = await client(wait).showJob(name);
    const runId = state.runId ?? textOf(job.run_id);
    sayProgress(wait, job);
    // The name is another run's by now, or between the runs of a schedule.
    if (job.run_id !== undefined && job.run_id !== runId) return await lookForRecord(wait, state);
    return await judge(wait, { ...state, job, runId });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code === 'job.not_found') return lookForRecord(wait, state);
    return { state: await stillWaiting(wait, state, error, context) };
  }
}

const client = ({ context }: Wait): Client => context.client;

/** The job is there. A run of a schedule leaves nothing behind on it, so there only its record tells. */
async function judge(wait: Wait, state: State): Promise<Step> {
  const { context, name, options } = wait;
  const { job } = state;
  const isScheduled = job.job_type === 'scheduled';
  const end = isScheduled ? undefined : endOf(job);
  const mayHaveEnded = end !== undefined || (isScheduled && statusOf(job) !== 'running');
  if (!mayHaveEnded) return { state };
  const record = options.needsRun || isScheduled ? await findRecord(wait, state) : undefined;
  if (record) return { outcome: byRecord(wait, job, record) };
  if (end === undefined) return { state };
  const endedAt = state.endedAt ?? context.clock.now();
  const mayStillCome = options.needsRun === true && context.clock.now() - endedAt < recordMs;
  if (mayStillCome) return { state: { ...state, endedAt } };
  return { outcome: ended(context, job, name, end) };
}

/** The job is not there any more. */
async function lookForRecord(wait: Wait, state: State): Promise<Step> {
  const { context, name } = wait;
  try {
    const record = await findRecord(wait, state);
    if (record) return { outcome: byRecord(wait, state.job, record) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { state: await stillWaiting(wait, state, error, context) };
  }
  const end = endOf(state.job);
  return { outcome: end ? ended(context, state.job, name, end) : vanished(context, state.job, name) };
}

/** Undefined also where an older service keeps no records. */
async function findRecord(wait: Wait, { runId }: State): Promise<Job | undefined> {
  try {
    return (await client(wait).listRuns(wait.name)).find(({ id }) => id !== undefined && id === runId);
  } catch (error) {
    const isNone = error instanceof AppError && ['job.not_found', 'route.not_found'].includes(error.code);
    if (isNone) return undefined;
    throw error;
  }
}

/** @throws AppError where waiting cannot change anything */
async function stillWaiting({ name, said }: Wait, state: State, error: AppError, { say }: Context): Promise<State> {
  if (errorTable[error.code].retry === 'no') throw error;
  if (!said.has('unanswered')) say('warning', `${error.message} Still waiting for job '${name}'.`);
  said.add('unanswered');
  return state;
}

/** What a person wants to see while waiting; what keeps a job from starting is worth a word to everybody, as waiting may be in vain. */
function sayProgress({ context, name, said }: Wait, job: Job): void {
  const words = textOf(job.status_short)?.replace(/ for \d.*$/, '');
  if (words === undefined || said.has(words) || endOf(job)) return;
  said.add(words);
  context.progress(`Waiting for the end of job '${name}': ${words}`);
  if (statusOf(job) === 'pending' && !/^(Pending|Running|Waiting|Last|Unknown|Suspended)/.test(words)) {
    context.say('warning', `job '${name}' cannot start yet: ${words}. Still waiting.`);
  } else if (context.isWatched) context.say('info', `job '${name}': ${words}`);
}

function statusOf({ status }: Job): string | undefined {
  return typeof status === 'object' && status !== null ? textOf((status as Job).short) : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function byRecord({ context, name }: Wait, job: Job, run: Job): WaitOutcome {
  const message = textOf(run.message) ?? 'how is not known';
  switch (run.outcome) {
    case 'succeeded':
      return { ...ended(context, job, name, 'succeeded'), run };
    case 'failed': {
      const isSeen = endOf(job) === 'failed';
      const shown = isSeen ? job : { ...job, status_short: 'Failed', status_long: message };
      return { ...ended(context, shown, name, 'failed'), run };
    }
    case 'stopped':
      context.say('error', `job '${name}' was stopped: ${message}.`);
      return { text: '', data: job, exit: 2, run };
    default:
      return { ...vanished(context, job, name), run };
  }
}

function ended({ say }: Context, job: Job, name: string, end: 'succeeded' | 'failed'): WaitOutcome {
  if (end === 'failed') {
    say('error', `job '${name}' failed:`);
    return { text: showText(job), data: job, exit: 1 };
  }
  say('info', `job '${name}' completed`);
  return { text: '', data: job };
}

function vanished({ say }: Context, job: Job, name: string): WaitOutcome {
  say(
    'error',
    `job '${name}' is gone, and how it ended is not known: it was deleted, or the service was out of reach for too long.`,
  );
  return { text: '', data: job, exit: 2 };
}

function timedOut({ say }: Context, job: Job, name: string, seconds: number): WaitOutcome {
  say('error', `timed out ${seconds} seconds waiting for job '${name}' to complete:`);
  return { text: showText(job), data: job, exit: 2 };
}
