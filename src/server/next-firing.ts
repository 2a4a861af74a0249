/** When scheduled jobs run next. A firing is computed once and holds until it has come; many jobs share a schedule. */
import { nextFirings } from '../definition/cron.ts';
import type { JobSnapshot, ResolvedJob } from '../domain.ts';

const maxKept = 10_000;

/** @returns a function from a job to the ms of its next firing; undefined for a job that waits for none */
export function createNextFiring(now: () => number): (snapshot: JobSnapshot) => number | undefined {
  const kept = new Map<string, number>();

  return ({ object }) => {
    const { job, status } = object;
    if (!job?.schedule || status.suspended) return undefined;
    const { actual } = job.schedule;
    const schedule = `${actual} ${job.timeZone}`;
    const known = kept.get(schedule);
    if (known !== undefined && known > now()) return known;
    const next = nextFirings(actual, now(), 1, job.timeZone)[0];
    if (next !== undefined) kept.set(schedule, next);
    if (kept.size > maxKept) kept.delete(kept.keys().next().value as string);
    return next;
  };
}

/** When any of these jobs fires next. @returns ms since the epoch, each time once; undefined where none of them has a schedule */
export function firingsOf(
  jobs: readonly (ResolvedJob | undefined)[],
  now: number,
  count: number,
): number[] | undefined {
  const timed = jobs.flatMap((job) => (job?.schedule ? [{ actual: job.schedule.actual, timeZone: job.timeZone }] : []));
  if (timed.length === 0) return undefined;
  const schedules = new Map(timed.map((one) => [`${one.timeZone} ${one.actual}`, one]));
  const all = [...schedules.values()].flatMap(({ actual, timeZone }) => nextFirings(actual, now, count, timeZone));
  return [...new Set(all)].sort((one, other) => one - other).slice(0, count);
}
