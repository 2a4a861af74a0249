/** `run`: defines a job and starts it; `run-now`: begins a run of a scheduled one. With --wait they stay until it has ended. */

import { AppError } from '../../src/errors.ts';
import type { Job, LogsQuery } from '../client/client.ts';
import { type CommandLine, refuseTogether, usage } from '../terminal/arguments.ts';
import { momentOption } from '../terminal/moments.ts';
import { jobText, quotaText } from '../terminal/plan-text.ts';
import { followLogs } from './logs.ts';
import { type NewJob, newJob, parametersOf, waitSecondsOf } from './new-job.ts';
import type { Command, Context, Outcome } from './outcome.ts';
import { planRun } from './plan.ts';
import { whenSucceeded } from './predecessors.ts';
import { waitForEnd } from './wait.ts';

export const runJob: Command = async (context) => {
  const { client } = context;
  const line = withMoment(context.line, 'suspend-until');
  const body = newJob(line);
  const stay = stayOf(context);
  if (line.options.has('dry-run')) return dryRun(context, body);
  const unready = await whenSucceeded(context, body);
  if (unready !== 0) return { text: '', data: undefined, exit: unready };
  const job = await client.createJob(body);
  return stay(job);
};

/** A file says when exactly, whenever it is loaded; on a command line people say how long. */
function withMoment(line: CommandLine, option: string): CommandLine {
  const text = line.options.get(option);
  if (text === undefined) return line;
  return { ...line, options: new Map([...line.options, [option, momentOption(option, text, Date.now())]]) };
}

/** `run-now`: begins a run of a scheduled job. */
export const runJobNow: Command = async (context) => {
  const { client, line } = context;
  // What earlier runs have written is not of this one.
  const stay = stayOf(context, { lines: 0 });
  const parameters = parametersOf(line.repeated?.get('param'));
  return stay(await client.runJobNow(line.operands[0] ?? '', { parameters }));
};

/**
 * What is done when a run has begun: with --wait to stay until it has ended.
 * @throws AppError `usage.invalid`
 */
function stayOf(context: Context, asked: LogsQuery = {}): (job: Job) => Promise<Outcome> {
  const { line } = context;
  const waitSeconds = waitSecondsOf(line);
  const ownCode = line.options.has('exit-code');
  if (ownCode && waitSeconds === undefined) throw usage('--exit-code is only possible together with --wait.');
  const isShown = line.options.has('logs');
  if (isShown && waitSeconds === undefined) throw usage('--logs is only possible together with --wait.');
  if (isShown && line.options.get('output') === 'json') throw usage('--logs cannot be used together with JSON.');
  return async (job) => {
    if (waitSeconds === undefined) return { text: '', data: job };
    context.progress(`Waiting for the end of job '${job.name}'`);
    const logs = isShown ? followLogs(context, String(job.name), asked) : undefined;
    const waiting = waitForEnd(context, job, waitSeconds, { needsRun: ownCode });
    const { run, ...outcome } = await waiting.finally(() => logs?.end());
    return ownCode && outcome.exit === 1 ? { ...outcome, exit: ownExitCode(run) } : outcome;
  };
}

async function dryRun(context: Context, body: NewJob): Promise<Outcome> {
  refuseTogether(context.line, 'dry-run', 'wait');
  const plan = await planRun(context, body);
  if (plan.problems.length > 0)
    throw new AppError('quota.exceeded', plan.problems.join('\n'), { problems: plan.problems });
  const quota = plan.quota.length > 0 ? [quotaText(plan.quota)] : [];
  return { text: [...plan.jobs.map(jobText), ...quota].join('\n\n'), data: plan };
}

/** Of a run that failed. One whose program did not end by itself, or never ran, has none; and none may look like success. */
function ownExitCode(run: Job | undefined): number {
  const code = run?.exit_code;
  return typeof code === 'number' && Number.isInteger(code) && code > 0 && code <= 255 ? code : 1;
}
