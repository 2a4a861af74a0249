/** Values of an answer as cells of a table. */

/** Nothing for what is not there. */
export function wordOf(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}

/** @example momentOf('2026-03-01T04:20:12Z') -> '2026-03-01 04:20:12' */
export function momentOf(value: unknown): string {
  return wordOf(value)
    .replace('T', ' ')
    .replace(/(\.\d+)?Z$/, '');
}
