/** `load`: makes jobs be as a file has them. Nothing is sent before all of it is known to be right, and nothing is ever deleted. */
import { AppError, errorTable, toAppError } from '../../src/errors.ts';
import { nearest } from '../../src/nearest.ts';
import { nameOf } from '../job-file/entry-options.ts';
import { type FileJob, jobsOfFile } from '../job-file/jobs-of-file.ts';
import { readJobFile } from '../job-file/read-file.ts';
import { type FileEntry, readEntries } from '../job-file/yaml-entries.ts';
import { didYouMean } from '../terminal/meant-word.ts';
import type { Command, Context, Outcome } from './outcome.ts';
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
  const loaded: Loaded[] = [];
  let exit: Exit = 0;
  let isCutOff = false;
  for (const [index, job] of jobs.entries()) {
    context.progress(`Loading job ${index + 1} of ${jobs.length}: ${job.name}`);
    if (isCutOff) loaded.push({ number: job.number, name: job.name, state: 'not sent' });
    else {
      const result = await loadJob(context, job);
      loaded.push(result.loaded);
      exit = Math.max(exit, result.exit) as Exit;
      isCutOff = result.isCutOff;
    }
  }
  return summary(context, loaded, exit);
};

/** @throws AppError `file.invalid`, or `job.invalid` with every problem of every entry */
async function readJobs({ line, say }: Context): Promise<readonly FileJob[]> {
  const [file = '-'] = line.operands;
  const content = readEntries(await import('yaml'), await readJobFile(file));
  if (content.kind === 'unreadable')
    throw new AppError('file.invalid', `Unable to parse yaml file '${file}': ${content.why}`);
  const { problemsOfBody } = await import('../job-file/job-rules.ts');
  const { jobs, problems, warnings } = jobsOfFile(
    chosen(content.entries, file, line.options.get('job')),
    problemsOfBody,
  );
  for (const warning of warnings) say('warning', warning);
  if (problems.length > 0) {
    const nothing = 'Nothing was sent: all jobs of the file must be right first.';
    throw new AppError('job.invalid', problems.join('\n'), { problems: [...problems, nothing] });
  }
  return jobs;
}

function chosen(entries: readonly FileEntry[], file: string, name: string | undefined): readonly FileEntry[] {
  if (name === undefined) return entries;
  const found = entries.filter((entry) => nameOf(entry) === name);
  if (found.length > 0) return found;
  const meant = nearest(
    name,
    entries.map(nameOf).filter((one) => one !== undefined),
  );
  throw new AppError('job.not_found', `There is no job '${name}' in ${file}.${didYouMean(meant)}`, {
    fields: { name },
  });
}

interface Result {
  readonly loaded: Loaded;
  readonly exit: Exit;
  /** Whether the next jobs would only meet the same. */
  readonly isCutOff: boolean;
}

async function loadJob(context: Context, job: FileJob): Promise<Result> {
  const { number, name } = job;
  try {
    const isChanged = await applyPatiently(context, job);
    const loaded: Loaded = { number, name, state: isChanged ? 'changed' : 'unchanged' };
    const exit = job.wait === undefined ? 0 : await endOf(context, job, job.wait);
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
    return { loaded, exit, isCutOff: cuttingOff.test(error.code) };
  }
}

/** Not about this job. */
const cuttingOff = /^(?:service\.unreachable|view\.not_ready|kube\.unreachable|caller\.|credentials\.|settings\.)/;
const maxTries = 8;
const maxPauseSeconds = 30;

/** Long files meet the tool's share of requests, and quotas the bookkeeping of the job before; in both cases nothing was done. */
async function applyPatiently({ client, clock }: Context, { body }: FileJob): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.applyJob(body);
    } catch (error) {
      const isPassing = error instanceof AppError && ['caller.too_many', 'kube.conflict'].includes(error.code);
      if (!isPassing || attempt === maxTries) throw error;
      await clock.sleep(Math.min(error.retryAfterSeconds ?? 1, maxPauseSeconds) * 1000);
    }
  }
}

/** Says how the job ended. */
async function endOf(context: Context, { name, body }: FileJob, seconds: number): Promise<Exit> {
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
