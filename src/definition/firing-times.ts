/**
 * When five cron fields fire on the clocks of a time zone. The controller of Kubernetes decides when a run begins, so these are its times,
 * as robfig/cron v3 finds them: from the month down to the minute, hour after hour of real time. What the clocks skip does not come; what
 * they repeat comes twice. Its quirks are kept (where clocks move by half an hour, later hours of that day are counted from the half),
 * since a time that is told has to be the one that comes. test/vectors/firings.json holds its own answers. Pure.
 */
import { momentOf, offsetAt } from './time-zone.ts';

/** Which values of each field fire. */
export interface Pattern {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  /** 1 to 12. */
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly weekdays: ReadonlySet<number>;
  /** Days of the month and of the week have both to fit; otherwise, as cron has it, one of them. */
  readonly needsBothDays: boolean;
}

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
/** The controller looks no further. */
const farthestYears = 5;

/** @returns the first firing after `after`, ms since the epoch; undefined where none comes within five years */
export function firingAfter(pattern: Pattern, after: number, timeZone: string): number | undefined {
  let at = (Math.floor(after / secondMs) + 1) * secondMs;
  let isMoved = false;
  const clock = () => new Date(at + offsetAt(timeZone, at));
  const setClock = (year: number, month: number, day: number, hour = 0, minute = 0) => {
    at = momentOf(timeZone, Date.UTC(year, month, day, hour, minute));
  };
  /** Back to the beginning of what is stepped through, before the first step only. */
  const begin = (goBack: (now: Date) => void) => {
    if (!isMoved) goBack(clock());
    isMoved = true;
  };
  const lastYear = clock().getUTCFullYear() + farthestYears;

  search: while (clock().getUTCFullYear() <= lastYear) {
    while (!pattern.months.has(clock().getUTCMonth() + 1)) {
      begin((now) => setClock(now.getUTCFullYear(), now.getUTCMonth(), 1));
      const now = clock();
      setClock(now.getUTCFullYear(), now.getUTCMonth() + 1, now.getUTCDate(), now.getUTCHours(), now.getUTCMinutes());
      if (clock().getUTCMonth() === 0) continue search;
    }
    while (!isDay(pattern, clock())) {
      begin((now) => setClock(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()));
      const now = clock();
      setClock(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1, now.getUTCHours(), now.getUTCMinutes());
      // Where the clocks change at midnight there may be none.
      const hour = clock().getUTCHours();
      at += (hour > 12 ? 24 - hour : -hour) * hourMs;
      if (clock().getUTCDate() === 1) continue search;
    }
    while (!pattern.hours.has(clock().getUTCHours())) {
      begin((now) => setClock(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), now.getUTCHours()));
      at += hourMs;
      if (clock().getUTCHours() === 0) continue search;
    }
    while (!pattern.minutes.has(clock().getUTCMinutes())) {
      isMoved = true;
      at = (Math.floor(at / minuteMs) + 1) * minuteMs;
      if (clock().getUTCMinutes() === 0) continue search;
    }
    if (at % minuteMs === 0) return at;
    isMoved = true;
    at = (Math.floor(at / minuteMs) + 1) * minuteMs;
  }
  return undefined;
}

function isDay({ days, weekdays, needsBothDays }: Pattern, now: Date): boolean {
  const [isOne, isOther] = [days.has(now.getUTCDate()), weekdays.has(now.getUTCDay())];
  return needsBothDays ? isOne && isOther : isOne || isOther;
}

/** @returns the last `count` firings before `before`, oldest first; fewer where a hundred years have no more */
export function firingsBefore(pattern: Pattern, before: number, count: number, timeZone: string): number[] {
  let found: number[] = [];
  for (let span = hourMs; found.length < count && span < 100 * 366 * 24 * hourMs; span *= 2) {
    found = [];
    let at = firingAfter(pattern, before - span, timeZone);
    while (at !== undefined && at < before) {
      found.push(at);
      at = firingAfter(pattern, at, timeZone);
    }
  }
  return found.slice(-count);
}
