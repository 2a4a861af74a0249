/** Points in time as Kubernetes writes them, and the arithmetic the dialects need. Both bear times that are missing or absurd. */
import { formatDuration } from './duration.ts';

/** What Date can hold (ECMA-262, "Time Values and Time Range"). */
const farthestMs = 8.64e15;

/** A time of 0 stands for one that an object does not tell. */
export function isKnown(at: number | undefined): at is number {
  return at !== undefined && at > 0 && at <= farthestMs;
}

/** @example instantText(1795493820000) -> '2026-11-24T04:17:00Z' */
export function instantText(at: number | undefined): string | undefined {
  return isKnown(at) ? new Date(at).toISOString().replace(/\.\d+Z$/, 'Z') : undefined;
}

export function firstKnown(...times: readonly (number | undefined)[]): number | undefined {
  return times.find(isKnown);
}

export function latestKnown(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter(isKnown);
  return known.length > 0 ? Math.max(...known) : undefined;
}

export function earliestKnown(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter(isKnown);
  return known.length > 0 ? Math.min(...known) : undefined;
}

/** `0s` where the time is not known. */
export function durationSince(at: number | undefined, now: number): string {
  return isKnown(at) ? formatDuration((now - at) / 1000) : '0s';
}
