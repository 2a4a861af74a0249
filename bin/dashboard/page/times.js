/** Points in time as the page writes them: in UTC, as the command line does, with the person's own time behind the pointer. */
import { make } from './elements.js';

/**
 * @param {unknown} at RFC 3339, or ms since the epoch
 * @example momentText('2026-03-01T04:20:12Z') -> '2026-03-01 04:20'
 */
export function momentText(at) {
  const date = dateOf(at);
  return date ? date.toISOString().slice(0, 16).replace('T', ' ') : '';
}

/** @param {unknown} at */
export function makeTime(at) {
  const date = dateOf(at);
  if (!date) return make('span');
  return make(
    'time',
    { datetime: date.toISOString(), title: `${date.toLocaleString()} where you are` },
    momentText(at),
  );
}

/**
 * How long ago something began of which the service says how long it has lasted.
 * @param {unknown} duration e.g. `1h3m`; `0s` where nobody knows
 * @param {number} now ms since the epoch
 * @returns {number | undefined} ms since the epoch
 */
export function beganAt(duration, now) {
  const parts = [...String(duration ?? '').matchAll(/(\d+)([dhms])/g)];
  const ms = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitMs[unit ?? ''] ?? 0), 0);
  return ms > 0 ? now - ms : undefined;
}

/** @type {Readonly<Record<string, number>>} */
const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 };

/**
 * @param {unknown} from
 * @param {unknown} to
 * @example lengthText('2026-03-01T04:20:12Z', '2026-03-01T04:21:15Z') -> '1 min 3 s'
 */
export function lengthText(from, to) {
  const [began, ended] = [dateOf(from), dateOf(to)];
  if (!began || !ended || ended < began) return '';
  const seconds = Math.round((ended.getTime() - began.getTime()) / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

/** @param {unknown} at */
function dateOf(at) {
  if (typeof at !== 'string' && typeof at !== 'number') return undefined;
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
