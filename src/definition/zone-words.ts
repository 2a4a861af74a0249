/** Times as the clocks of a job's zone show them, for people. Pure. */
import { changeOfClocks, isTimeZone, offsetAt } from './time-zone.ts';

const minuteMs = 60_000;
/** What a Date can hold. */
const lastMs = 8_640_000_000_000_000;

/**
 * Behind a time in UTC; nothing for a job whose zone that is, or is none that is known here.
 * @example zoneNote(Date.parse('2026-07-01T04:17:00Z'), 'Europe/Rome') -> ' (06:17 Europe/Rome)'; with the date where that is another one
 */
export function zoneNote(at: number, timeZone: string, more = ''): string {
  if (timeZone === 'UTC' || !isTimeZone(timeZone)) return '';
  const local = textOf(at + offsetAt(timeZone, at));
  const isSameDay = local.slice(0, 10) === textOf(at).slice(0, 10);
  return ` (${isSameDay ? local.slice(11) : local} ${timeZone}${more})`;
}

/**
 * The same for the next firings, with the days on which clocks change: what is after them is another time in UTC, or on no day at all.
 * @param now what the first one is compared with
 * @example ' (02:30 Europe/Rome; the clocks go 1 h forward on 2026-03-29)'
 */
export function firingNotes(firings: readonly number[], timeZone: string, now: number): string[] {
  return firings.map((at, index) => zoneNote(at, timeZone, changeNote(timeZone, firings[index - 1] ?? now, at)));
}

function changeNote(timeZone: string, from: number, to: number): string {
  const change = changeOfClocks(timeZone, from, to);
  if (!change) return '';
  const { at, before, after } = change;
  const [length, direction] = [lengthText(Math.abs(after - before)), after > before ? 'forward' : 'back'];
  return `; the clocks go ${length} ${direction} on ${dayText(at + after)}`;
}

/** Of a time on the clocks of a zone, given as if it were UTC. */
export function dayText(clock: number): string {
  return textOf(clock).slice(0, 10);
}

function lengthText(ms: number): string {
  const minutes = ms / minuteMs;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${minutes} min`;
}

/** @example textOf(0) -> '1970-01-01 00:00' */
function textOf(clock: number): string {
  return new Date(Math.max(-lastMs, Math.min(lastMs, clock)))
    .toISOString()
    .replace('T', ' ')
    .replace(/:\d\d\.\d+Z$/, '');
}
