/** Where the keys stand that a problem names: in the job or in `defaults`, and in which line. Pure. */
import { knownKeys, optionOfKey } from './keys.ts';
import type { FileEntry, Value } from './yaml-entries.ts';

export interface Places {
  /** For the end of a sentence; '' for a job that takes nothing from defaults. */
  readonly text: string;
  /** Whether all that is named stands in `defaults`, so that other jobs may have the same problem. */
  readonly isOfDefaults: boolean;
}

/** @param problem of this entry, with keys as `key: …`, `'key'` or `--option` */
export function placesOf(problem: string, entry: FileEntry): Places {
  if (!hasDefaults(entry)) return { text: '', isOfDefaults: false };
  const named = keysIn(problem).flatMap((key) => firstsOf(entry, key).map((value) => [key, value] as const));
  if (named.length === 0) return { text: '', isOfDefaults: false };
  const places = named.map(([key, { line, isDefault }]) =>
    isDefault
      ? `'${key}' stands in 'defaults', line ${line}; '${key}: ~' in a job leaves it out`
      : `'${key}' stands in the job, line ${line}`,
  );
  return { text: ` (${places.join('; ')})`, isOfDefaults: named.every(([, { isDefault }]) => isDefault) };
}

function hasDefaults({ values, lists, mappings }: FileEntry): boolean {
  const all = [values.values(), ...lists.values(), ...[...mappings.values()].map((pairs) => pairs.values())];
  return all.some((some) => [...some].some(({ isDefault }) => isDefault));
}

function keysIn(problem: string): string[] {
  const words = [...problem.matchAll(/^([a-z-]+):|'([a-z-]+)'|--([a-z][a-z-]*)/g)].map(
    (match) => match[1] ?? match[2] ?? match[3],
  );
  return knownKeys.filter((key) => words.includes(key) || words.includes(optionOfKey.get(key)));
}

/** Of names with values, one from each of the two places. */
function firstsOf({ values, lists, mappings }: FileEntry, key: string): Value[] {
  const found = [
    ...[values.get(key)].filter((value) => value !== undefined),
    ...(lists.get(key) ?? []),
    ...(mappings.get(key)?.values() ?? []),
  ];
  const first = (isDefault: boolean) => found.find((one) => (one.isDefault ?? false) === isDefault);
  return [first(false), first(true)].filter((value) => value !== undefined);
}
