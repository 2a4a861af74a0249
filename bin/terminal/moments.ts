/** Times as people type them. */
import { timeOf } from '../../src/rfc3339.ts';
import { usage } from './arguments.ts';

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A time to come, as the service takes it.
 * @example momentAfter('2h', Date.parse('2026-12-01T06:00:00Z')) -> '2026-12-01T08:00:00Z'
 * @returns undefined for what is no time
 */
export function momentAfter(text: string, now: number): string | undefined {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return instant(now + Number(count) * (units[unit] ?? 0));
  const at = timeOf(text);
  return at === undefined ? undefined : instant(at);
}

/** The value of an option that is such a time. @throws AppError `usage.invalid` */
export function momentOption(option: string, text: string, now: number): string {
  const moment = momentAfter(text, now);
  if (moment === undefined)
    throw usage(`--${option} must be a time such as 2h, 3d or 2026-12-01T08:00:00Z; '${text}' is none.`);
  if (Date.parse(moment) <= now) throw usage(`--${option} must be a time to come; ${moment} has been.`);
  return moment;
}

/** Whole seconds, and no earlier. */
function instant(at: number): string {
  return new Date(Math.ceil(at / 1_000) * 1_000).toISOString().replace('.000Z', 'Z');
}
