/** Times as people type them. */

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A time to come, as the service takes it.
 * @example momentAfter('2h', Date.parse('2026-12-01T06:00:00Z')) -> '2026-12-01T08:00:00Z'
 * @returns undefined for what is no time
 */
export function momentAfter(text: string, now: number): string | undefined {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return instant(now + Number(count) * (units[unit] ?? 0));
  const at = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : instant(at);
}

/** Whole seconds. */
function instant(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}
