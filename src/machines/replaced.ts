/**
 * Whether a run was ended for the next one, as the policy `replace` has it: the controller deletes its Job when the next firing is due, and
 * says so nowhere. Pure.
 */
import { nextFirings } from '../definition/cron.ts';
import type { RunEnd } from '../domain.ts';
import type { JobFacts } from './job-facts.ts';

/** Clocks of machines differ. */
const slackMs = 15_000;

/**
 * @param now when its Job is gone, and it had not ended
 * @returns the due time of the firing that took its place
 */
export function replacedAt(
  { object }: JobFacts,
  run: Pick<RunEnd, 'jobUid' | 'dueAt' | 'createdAt'>,
  now: number,
): number | undefined {
  if (object?.firing?.concurrency !== 'replace' || run.jobUid !== object.uid || object.deletingAt !== undefined)
    return undefined;
  const schedule = object.job?.schedule?.actual;
  if (schedule === undefined || object.status.suspended) return undefined;
  const [next] = nextFirings(schedule, run.dueAt ?? run.createdAt, 1, object.firing.timeZone);
  return next !== undefined && next <= now + slackMs ? next : undefined;
}
