/** Reading what came off the wire: whatever is missing or of another type reads as nothing. None of these throws. */

function at(value: unknown, path: readonly string[]): unknown {
  let here = value;
  for (const name of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, name)) return undefined;
    here = (here as Record<string, unknown>)[name];
  }
  return here;
}

export function hasAt(value: unknown, ...path: string[]): boolean {
  const found = at(value, path);
  return found !== undefined && found !== null;
}

export function textAt(value: unknown, ...path: string[]): string | undefined {
  const found = at(value, path);
  return typeof found === 'string' ? found : undefined;
}

/** A whole number of at least 0, or undefined. */
export function countAt(value: unknown, ...path: string[]): number | undefined {
  const found = at(value, path);
  return typeof found === 'number' && Number.isSafeInteger(found) && found >= 0 ? found : undefined;
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
