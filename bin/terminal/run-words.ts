/** A run that has ended in a few words, as `list`, `show` and `history` say it. */
import type { Job } from '../client/client.ts';
import { wordOf } from './cells.ts';

/**
 * How it ended, and what is in a row with it.
 * @example outcomeWords({ outcome: 'failed', reason: 'out_of_memory', in_a_row: 3 }) -> 'failed: out of memory (3 in a row)'
 */
export function outcomeWords({ outcome, reason, message, in_a_row, after_failures }: Job): string {
  const isGood = outcome === 'succeeded';
  const failures = Number(after_failures ?? 0);
  if (isGood && failures > 0) return `succeeded, after ${failures === 1 ? 'a failure' : `${failures} failures`}`;
  const row = !isGood && Number(in_a_row ?? 0) > 1 ? ` (${in_a_row} in a row)` : '';
  return `${message === undefined ? briefly(outcome, reason) : causeWords(outcome, message)}${row}`;
}

/** For a table, which has no room for the message. */
function briefly(outcome: unknown, reason: unknown): string {
  return reason === null || reason === undefined
    ? wordOf(outcome)
    : `${wordOf(outcome)}: ${wordOf(reason).replaceAll('_', ' ')}`;
}

function causeWords(outcome: unknown, message: unknown): string {
  if (outcome === 'succeeded') return wordOf(outcome);
  return outcome === 'skipped' ? wordOf(message) : `${wordOf(outcome)}: ${wordOf(message)}`;
}

/** How much of an id names a run of a job: what `logs --run` takes. Nothing of a firing that became no run. */
export function shortId({ id, outcome }: Job): string {
  return outcome === 'skipped' ? '' : wordOf(id).slice(0, 8);
}
