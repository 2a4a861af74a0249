/** Times as RFC 3339, section 5.6, writes them; seconds may be left out. */

const grammar = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)$/;

/**
 * @returns ms since the epoch; undefined for what is no time with its zone, or a day that no calendar has: Date.parse() would take the
 * 30th of February for the 2nd of March
 * @example timeOf('2026-12-01T08:00:00Z') -> 1796112000000
 */
export function timeOf(text: string): number | undefined {
  const [, day, minutes, seconds = ':00', zone = ''] = grammar.exec(text) ?? [];
  if (day === undefined || !isDay(day)) return undefined;
  const at = Date.parse(`${day}T${minutes}${seconds}${zone.toUpperCase()}`);
  return Number.isNaN(at) ? undefined : at;
}

function isDay(day: string): boolean {
  const at = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day);
}
