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

/** A whole number of at least 0, or 0. */
export function countAt(value: unknown, ...path: string[]): number {
  const found = at(value, path);
  return typeof found === 'number' && Number.isSafeInteger(found) && found > 0 ? found : 0;
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
