/** `run`: defines a job and starts it; with --wait stays until it has ended. */
import type { Job } from '../client/client.ts';
import { usage } from '../terminal/arguments.ts';
import { followLogs } from './logs.ts';
import { newJob, waitSecondsOf } from './new-job.ts';
import type { Command } from './outcome.ts';
import { waitForEnd } from './wait.ts';

export const runJob: Command = async (context) => {
  const { client, line } = context;
  const body = newJob(line);
  const waitSeconds = waitSecondsOf(line);
  const ownCode = line.options.has('exit-code');
  if (ownCode && waitSeconds === undefined) throw usage('--exit-code is only possible together with --wait.');
  const isShown = line.options.has('logs');
  if (isShown && waitSeconds === undefined) throw usage('--logs is only possible together with --wait.');
  if (isShown && line.options.get('output') === 'json') throw usage('--logs cannot be used together with JSON.');
  const job = await client.createJob(body);
  if (waitSeconds === undefined) return { text: '', data: job };
  context.progress(`Waiting for the end of job '${job.name}'`);
  const logs = isShown ? followLogs(context, String(job.name)) : undefined;
  const waiting = waitForEnd(context, job, waitSeconds, { needsRun: ownCode });
  const { run, ...outcome } = await waiting.finally(() => logs?.end());
  return ownCode && outcome.exit === 1 ? { ...outcome, exit: ownExitCode(run) } : outcome;
};

/** Of a run that failed. One whose program did not end by itself, or never ran, has none; and none may look like success. */
function ownExitCode(run: Job | undefined): number {
  const code = run?.exit_code;
  return typeof code === 'number' && Number.isInteger(code) && code > 0 && code <= 255 ? code : 1;
}
