/**
 * `defaults` of a file, merged into its jobs: a key of the job's own wins, one without a value leaves the default out, and variables are
 * merged name by name. Pure.
 */
import { nearest } from '../../src/nearest.ts';
import { didYouMean } from '../terminal/meant-word.ts';
import { isFalse } from './entry-options.ts';
import { knownKeys, switchKeys } from './keys.ts';
import { type EntryKeys, type FileEntry, isNothing, type Value } from './yaml-entries.ts';

/** Keys that no job has both of: one of the job's own takes the place of the other among the defaults. */
const opposites: ReadonlyMap<string, string> = new Map(
  [
    ['filelog', 'no-filelog'],
    ['schedule', 'continuous'],
    ['health-check-script', 'health-check-http'],
  ].flatMap(([one, other]) => [[one, other] as [string, string], [other, one] as [string, string]]),
);

export function withDefaults(entry: FileEntry, defaults: EntryKeys): FileEntry {
  const isOwn = (key: string) => has(entry, key) || has(entry, opposites.get(key) ?? key);
  const taken = <T>(from: ReadonlyMap<string, T>): [string, T][] =>
    [...from].filter(([key]) => canBeDefault(key) && !isOwn(key));
  const values = new Map(taken(defaults.values).map(([key, value]) => [key, asDefault(value)]));
  for (const [key, value] of entry.values) if (!(has(defaults, key) && isUnset(key, value))) values.set(key, value);
  const lists = new Map(taken(defaults.lists).map(([key, items]) => [key, items.map(asDefault)]));
  const mappings = new Map(taken(defaults.mappings).map(([key, pairs]) => [key, mapValues(pairs, asDefault)]));
  return {
    ...entry,
    values,
    lists: new Map([...lists, ...entry.lists]),
    mappings: new Map([...mappings, ...[...entry.mappings].map(([key, pairs]) => [key, merged(key, pairs)] as const)]),
  };

  function merged(key: string, pairs: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> {
    const inherited = mapValues(defaults.mappings.get(key) ?? new Map(), asDefault);
    const isKept = ([name, value]: [string, Value]) => !(inherited.has(name) && isNothing(value));
    const own = [...pairs].filter(isKept);
    const left = [...inherited].filter(([name]) => !pairs.has(name));
    return new Map([...left, ...own]);
  }
}

/** What is wrong with the defaults themselves, whatever jobs there are; whole sentences. */
export function problemsOfDefaults({ values, lists, mappings, problems }: EntryKeys): string[] {
  const name = values.get('name') ?? lists.get('name')?.[0] ?? mappings.get('name')?.values().next().value;
  const named = name ? [`'name' cannot be a default, as each job has its own (line ${name.line}).`] : [];
  return [...problems, ...named].map((text) => `Invalid 'defaults': ${text}`);
}

/** Whole sentences. */
export function warningsOfDefaults(defaults: EntryKeys): string[] {
  const keys = [...defaults.values.keys(), ...defaults.lists.keys(), ...defaults.mappings.keys()];
  const unknown = keys
    .filter((key) => !knownKeys.includes(key))
    .map((key) => `Unknown key '${key}' in 'defaults'.${didYouMean(nearest(key, knownKeys))}`);
  return [...unknown, ...defaults.warnings.map((text) => `In 'defaults' ${text}.`)];
}

function has({ values, lists, mappings }: EntryKeys, key: string): boolean {
  return values.has(key) || lists.has(key) || mappings.has(key);
}

function canBeDefault(key: string): boolean {
  return key !== 'name' && knownKeys.includes(key);
}

function isUnset(key: string, value: Value): boolean {
  return isNothing(value) || (switchKeys.some((one) => one === key) && isFalse(value));
}

function asDefault(value: Value): Value {
  return { ...value, isDefault: true };
}

function mapValues(pairs: ReadonlyMap<string, Value>, change: (value: Value) => Value): Map<string, Value> {
  return new Map([...pairs].map(([name, value]) => [name, change(value)]));
}
