/** Times as people say them, and as text whose order is that of time. Used by the server for what it is asked, and by the command line. */
import { timeOf } from './rfc3339.ts';

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What stampOfMoment takes, for people. */
export const momentWords = 'a time such as 2026-07-01T12:00:00Z, or how long ago: 90s, 10m, 2h, 1d';

/** @returns as stampOf; undefined for what says no time */
export function stampOfMoment(text: string, now: number): string | undefined {
  const [, count, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? [];
  if (count !== undefined) return stampOfMs(Math.max(0, now - Number(count) * (unitMs[unit] ?? 0)));
  return timeOf(text.replace(' ', 'T')) === undefined ? undefined : stampOf(text);
}

/**
 * A time of RFC 3339 in a form whose order as text is that of time.
 * @example stampOf('2026-07-01T14:00:00.5+02:00') -> '2026-07-01T12:00:00.500000000Z'
 */
export function stampOf(text: string): string | undefined {
  const parts = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (!parts) return undefined;
  const [, day, time, fraction = '', zone = 'Z'] = parts;
  const ms = Date.parse(`${day}T${time}${zone.toUpperCase()}`);
  return Number.isNaN(ms) ? undefined : `${secondsOf(ms)}.${fraction.padEnd(9, '0')}Z`;
}

export function stampOfMs(ms: number): string {
  return `${secondsOf(ms)}.${String((ms % 1_000) | 0).padStart(3, '0')}000000Z`;
}

/** `2026-07-01T12:00:00` */
export function secondsOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19);
}
