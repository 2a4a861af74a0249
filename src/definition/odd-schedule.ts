/** What a schedule does that its owner may not expect: cron's own surprises, and those of days on which clocks change. Pure. */
import type { ResolvedJob } from '../domain.ts';
import { isEachMinute, namesBothDays, nextFirings } from './cron.ts';
import { changeOfClocks } from './time-zone.ts';
import { dayText, zoneNote } from './zone-words.ts';

/** In none of them clocks change twice. */
const weekMs = 7 * 86_400_000;
const weeksOfYear = 53;
const shownFirings = 3;

type Timed = Pick<ResolvedJob, 'schedule' | 'timeZone'>;

/** @returns whole sentences */
export function oddities({ schedule, timeZone }: Timed, now: number): string[] {
  if (!schedule) return [];
  const { text, actual } = schedule;
  return [
    ...(namesBothDays(actual)
      ? [
          `The schedule "${text}" names days of the month and of the week: it fires on each of both, not only where they meet.`,
        ]
      : []),
    ...changedDays(text, actual, timeZone, now),
  ];
}

/**
 * The next times of a schedule that may not mean what it looks like.
 * @returns nothing for one that is plain
 */
export function nextOfOdd(job: Timed, now: number): string[] {
  const { schedule, timeZone } = job;
  if (!schedule || !(isEachMinute(schedule.actual) || oddities(job, now).length > 0)) return [];
  const times = nextFirings(schedule.actual, now, shownFirings, timeZone).map(
    (at) => `${new Date(at).toISOString().replace('.000', '')}${zoneNote(at, timeZone)}`,
  );
  return times.length > 0 ? [`The next runs of "${schedule.text}" are due at ${times.join(', ')}.`] : [];
}

/** Days of the next year on which the clocks skip a firing, or repeat one. Where each hour has one nobody misses it. */
function changedDays(text: string, actual: string, timeZone: string, now: number): string[] {
  if (actual.split(' ')[1] === '*') return [];
  const parts: string[] = [];
  for (let week = now; week < now + weeksOfYear * weekMs; week += weekMs) {
    const change = changeOfClocks(timeZone, week, week + weekMs);
    if (!change) continue;
    const { at, before, after } = change;
    // The hands of the clock between both offsets are skipped, or shown twice.
    const [first, last] = [at + Math.min(before, after), at + Math.max(before, after)];
    const [firing = last] = nextFirings(actual, first - 1, 1);
    if (firing < last) parts.push(`${after > before ? 'no run' : 'two runs'} on ${dayText(at + after)}`);
  }
  if (parts.length === 0) return [];
  return [`On the clocks of ${timeZone}, which change, the schedule "${text}" has ${parts.join(', and ')}.`];
}
