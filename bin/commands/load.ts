/** `load`: makes jobs be as a file has them. Nothing is sent before all of it is known to be right, and nothing is ever deleted. */
import { errorTable, toAppError } from '../../src/errors.ts';
import type { FileJob } from '../job-file/jobs-of-file.ts';
import type { Command, Context, Outcome } from './outcome.ts';
import { isCutOff, patiently } from './patience.ts';
import { createPredecessors, type Predecessors } from './predecessors.ts';
import { readJobs } from './read-jobs.ts';
import { waitForEnd } from './wait.ts';

/** What became of one entry, for programs. */
interface Loaded {
  readonly number: number;
  readonly name: string;
  readonly state: 'changed' | 'unchanged' | 'failed' | 'not sent';
  readonly error?: { readonly code: string; readonly id: string; readonly messages: readonly string[] };
}

type Exit = 0 | 1 | 2;

export const loadJobs: Command = async (context) => {
  const jobs = await readJobs(context);
  const predecessors = createPredecessors(context, jobs);
  const loaded: Loaded[] = [];
  let exit: Exit = 0;
  let isOver = false;
  for (const [index, job] of jobs.entries()) {
    context.progress(`Loading job ${index + 1} of ${jobs.length}: ${job.name}`);
    const unready = isOver ? 0 : await predecessors.whenReady(job);
    exit = Math.max(exit, unready) as Exit;
    if (isOver || unready !== 0) loaded.push({ number: job.number, name: job.name, state: 'not sent' });
    else {
      const result = await loadJob(context, job, predecessors);
      loaded.push(result.loaded);
      exit = Math.max(exit, result.exit) as Exit;
      isOver = result.isCutOff;
    }
  }
  return summary(context, loaded, exit);
};

interface Result {
  readonly loaded: Loaded;
  readonly exit: Exit;
  /** Whether the next jobs would only meet the same. */
  readonly isCutOff: boolean;
}

async function loadJob(context: Context, job: FileJob, predecessors: Predecessors): Promise<Result> {
  const { number, name } = job;
  try {
    const isChanged = await patiently(context, () => context.client.applyJob(job.body));
    const loaded: Loaded = { number, name, state: isChanged ? 'changed' : 'unchanged' };
    await predecessors.made(job);
    const exit = job.wait === undefined ? 0 : await endOf(context, job, job.wait);
    if (job.wait !== undefined) predecessors.ended(job, exit);
    return { loaded, exit, isCutOff: false };
  } catch (thrown) {
    context.signal.throwIfAborted();
    const error = toAppError(thrown);
    const { id, exit } = errorTable[error.code];
    const messages = (error.problems ?? [error.message]).map(
      (text) => `Failed to load job ${number} ('${name}'): ${text}`,
    );
    for (const text of messages) context.say('error', `${text} (${id})`);
    const loaded: Loaded = { number, name, state: 'failed', error: { code: error.code, id, messages } };
    return { loaded, exit, isCutOff: isCutOff(error) };
  }
}

/** Says how the job ended. */
export async function endOf(context: Context, { name, body }: FileJob, seconds: number): Promise<0 | 1 | 2> {
  const { text, exit = 0 } = await waitForEnd(context, { ...body, name }, seconds);
  if (text !== '') context.say('info', `\n${text}`);
  return exit;
}

function summary({ say }: Context, jobs: readonly Loaded[], exit: Exit): Outcome {
  const isLoaded = ({ state }: Loaded) => state === 'changed' || state === 'unchanged';
  const loaded = jobs.filter(isLoaded).length;
  const left = jobs.filter((job) => !isLoaded(job)).map(({ name }) => name);
  if (left.length > 0) say('error', `${left.length} of ${jobs.length} job(s) not loaded: ${left.join(', ')}`);
  say('info', `${loaded} job(s) loaded successfully`);
  return { text: '', data: { loaded, failed: left.length, jobs }, exit };
}
