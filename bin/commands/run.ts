/** `run`: defines a job and starts it; with --wait stays until it has ended. */
import { newJob, waitSecondsOf } from './new-job.ts';
import type { Command } from './outcome.ts';
import { waitForEnd } from './wait.ts';

export const runJob: Command = async (context) => {
  const body = newJob(context.line);
  const waitSeconds = waitSecondsOf(context.line);
  const job = await context.client.createJob(body);
  if (waitSeconds === undefined) return { text: '', data: job };
  return waitForEnd(context, job, waitSeconds);
};
