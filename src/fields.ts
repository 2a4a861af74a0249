/** Reading what came off the wire: whatever is missing or of another type reads as nothing. None of these throws. */

const nothing: Readonly<Record<string, unknown>> = Object.freeze({});

function at(value: unknown, path: readonly string[]): unknown {
  let here = value;
  for (const name of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, name)) return undefined;
    here = (here as Record<string, unknown>)[name];
  }
  return here;
}

/** The object at `path`, or an empty one. */
export function recordAt(value: unknown, ...path: string[]): Readonly<Record<string, unknown>> {
  const found = at(value, path);
  return typeof found === 'object' && found !== null && !Array.isArray(found)
    ? (found as Record<string, unknown>)
    : nothing;
}

export function textAt(value: unknown, ...path: string[]): string | undefined {
  const found = at(value, path);
  return typeof found === 'string' ? found : undefined;
}

/** How many: a whole number of at least 0, and 0 where nothing is said. */
export function countAt(value: unknown, ...path: string[]): number {
  return amountAt(value, ...path) ?? 0;
}

/** A whole number of at least 0, or undefined. */
export function amountAt(value: unknown, ...path: string[]): number | undefined {
  const found = integerAt(value, ...path);
  return found !== undefined && found >= 0 ? found : undefined;
}

/** A whole number, or undefined. */
export function integerAt(value: unknown, ...path: string[]): number | undefined {
  const found = at(value, path);
  return typeof found === 'number' && Number.isSafeInteger(found) ? found : undefined;
}

/** RFC 3339 text as ms since the epoch. */
export function timeAt(value: unknown, ...path: string[]): number | undefined {
  const text = textAt(value, ...path);
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

export function listAt(value: unknown, ...path: string[]): readonly unknown[] {
  const found = at(value, path);
  return Array.isArray(found) ? found : [];
}

/** Undefined when there is none or one of its entries is no text. */
export function textsAt(value: unknown, ...path: string[]): readonly string[] | undefined {
  const found = at(value, path);
  return Array.isArray(found) && found.every((entry) => typeof entry === 'string') ? found : undefined;
}
