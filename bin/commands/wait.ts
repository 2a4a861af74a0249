/** Stays with a job until it has ended, and says how. What is not known is said, never guessed: a vanished job is not a finished one. */
import { AppError, errorTable } from '../../src/errors.ts';
import type { Client, Job } from '../client/client.ts';
import { endOf } from '../terminal/job-rows.ts';
import type { Context, Outcome } from './outcome.ts';
import { showText } from './show.ts';

const pollMs = 1_000;

/**
 * @param created the job as the service answered its creation
 * @returns exit 0 when it succeeded, 1 when it failed (and its description), 2 when time ran out or how it ended is not known
 * @throws AppError for refusals that waiting cannot change
 */
export async function waitForEnd(context: Context, created: Job, timeoutSeconds: number): Promise<Outcome> {
  const { client, clock, say } = context;
  const name = String(created.name);
  const deadline = clock.now() + timeoutSeconds * 1000;
  let job = created;
  let hasWarned = false;
  for (;;) {
    const look = await lookAt(client, name);
    if (look.kind === 'seen') job = look.job;
    const end = endOf(job);
    if (end) return ended(context, job, name, end);
    if (look.kind === 'gone') return vanished(context, job, name);
    if (look.kind === 'unanswered' && !hasWarned) {
      hasWarned = true;
      say('warning', `${look.error.message} Still waiting for job '${name}'.`);
    }
    if (clock.now() >= deadline) return timedOut(context, job, name, timeoutSeconds);
    await clock.sleep(pollMs);
  }
}

type Look =
  | { readonly kind: 'seen'; readonly job: Job }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unanswered'; readonly error: AppError };

async function lookAt(client: Client, name: string): Promise<Look> {
  try {
    return { kind: 'seen', job: await client.showJob(name) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code === 'job.not_found') return { kind: 'gone' };
    if (errorTable[error.code].retry === 'no') throw error;
    return { kind: 'unanswered', error };
  }
}

function ended({ say }: Context, job: Job, name: string, end: 'succeeded' | 'failed'): Outcome {
  if (end === 'failed') {
    say('error', `job '${name}' failed:`);
    return { text: showText(job), data: job, exit: 1 };
  }
  say('info', `job '${name}' completed`);
  return { text: '', data: job };
}

function vanished({ say }: Context, job: Job, name: string): Outcome {
  say(
    'error',
    `job '${name}' is gone, and how it ended is not known: it was deleted, or the service was out of reach for too long.`,
  );
  return { text: '', data: job, exit: 2 };
}

function timedOut({ say }: Context, job: Job, name: string, seconds: number): Outcome {
  say('error', `timed out ${seconds} seconds waiting for job '${name}' to complete:`);
  return { text: showText(job), data: job, exit: 2 };
}
