/**
 * Jobs that others come after. Who comes after a one-off is made only when that has succeeded; behind a job that could not be made, or whose
 * predecessor was not, nothing is made. Of scheduled and continuous jobs it is their order alone that counts.
 */
import { AppError, errorTable, toAppError } from '../../src/errors.ts';
import type { Job } from '../client/client.ts';
import { type FileJob, predecessorsOf } from '../job-file/jobs-of-file.ts';
import { defaultWaitSeconds } from './new-job.ts';
import type { Context } from './outcome.ts';
import { waitForEnd } from './wait.ts';

type Exit = 0 | 1 | 2;

export interface Predecessors {
  /** Waits for those that come first. @returns 0 when the job may be made; else it has been said why not */
  whenReady(job: FileJob): Promise<Exit>;
  /** It is there as it is asked for. To be told at once: a one-off may be gone soon. */
  made(job: FileJob): Promise<void>;
  /** Somebody has waited for its end, and it succeeded where `exit` is 0. */
  ended(job: FileJob, exit: Exit): void;
}

/** @param jobs all that are sent; what else `after` names is not looked at */
export function createPredecessors(context: Context, jobs: readonly FileJob[]): Predecessors {
  const byName = new Map(jobs.map((job) => [job.name, job]));
  const needed = new Set(jobs.flatMap(predecessorsOf));
  /** As the service showed them when they had been made. */
  const shown = new Map<string, Job>();
  const ends = new Map<string, Exit>();

  async function endOf(first: FileJob, follower: FileJob): Promise<Exit> {
    const job = shown.get(first.name);
    if (job === undefined) return 1;
    if (job.job_type !== 'one-off') return 0;
    context.progress(`Waiting for the end of job '${first.name}', which '${follower.name}' comes after`);
    return exitOf(context, job, first.wait ?? defaultWaitSeconds);
  }

  return {
    async whenReady(job) {
      for (const name of predecessorsOf(job)) {
        const first = byName.get(name);
        if (!first) continue;
        const exit = ends.get(name) ?? (await endOf(first, job));
        ends.set(name, exit);
        if (exit !== 0) return notStarted(context, job.name, name, exit);
      }
      return 0;
    },
    async made({ name }) {
      if (!needed.has(name)) return;
      const job = await context.client.showJob(name).catch(unlessInterrupted(context));
      shown.set(name, job ?? { name, job_type: 'one-off' });
    },
    ended({ name }, exit) {
      ends.set(name, exit);
    },
  };
}

/** Of a job that is made alone: what comes first is as it is now, or as it has ended. @returns as whenReady() */
export async function whenSucceeded(context: Context, body: Readonly<Record<string, unknown>>): Promise<Exit> {
  const names = Array.isArray(body.after) ? (body.after as readonly string[]) : [];
  for (const name of names) {
    const job = await presentOrPast(context, name);
    const exit = job.job_type === 'one-off' ? await exitOf(context, job, defaultWaitSeconds) : 0;
    if (exit !== 0) return notStarted(context, String(body.name), name, exit);
  }
  return 0;
}

/** @throws AppError `job.not_found` for a name that nobody knows */
async function presentOrPast({ client }: Context, name: string): Promise<Job> {
  try {
    return await client.showJob(name);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'job.not_found') throw error;
    const [run] = await client.listRuns(name);
    if (!run) throw error;
    return { name, job_type: run.job_type, run_id: run.id };
  }
}

async function exitOf(context: Context, job: Job, seconds: number): Promise<Exit> {
  try {
    const { text, exit = 0 } = await waitForEnd(context, job, seconds);
    if (text !== '') context.say('info', `\n${text}`);
    return exit;
  } catch (thrown) {
    context.signal.throwIfAborted();
    const error = toAppError(thrown);
    const { id, exit } = errorTable[error.code];
    context.say('error', `${job.name}: ${error.message} (${id})`);
    return exit;
  }
}

function notStarted({ say }: Context, name: string, first: string, exit: Exit): Exit {
  say('error', `job '${name}' was not started: it comes after '${first}', which has not succeeded.`);
  return exit;
}

function unlessInterrupted({ signal }: Context): (error: unknown) => undefined {
  return () => void signal.throwIfAborted();
}
