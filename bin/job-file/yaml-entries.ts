/**
 * A file of jobs as the texts its author typed. Scalars are not resolved: `007`, `1.0` and `12:30` mean what they look like, and only words
 * that stand unquoted can be truth values or nothing. Aliases and merge keys are followed, never expanded: an entry is one level deep, but
 * for the few keys that hold a list or keys of their own.
 */
import type { Alias, Document, LineCounter, Pair, Scalar, YAMLMap } from 'yaml';
import { listKeys, mappingKeys, matrixKeys } from './keys.ts';

/** A value as it stands in the file. */
export interface Value {
  readonly text: string;
  /** Whether it stands in quotes or as a block, so that it cannot be a truth value. */
  readonly isQuoted: boolean;
  /** From 1, as people count. */
  readonly line: number;
  /** It stands in `defaults`. */
  readonly isDefault?: true;
}

/** Keys with what stands behind them; a key is in one of the three. */
export interface EntryKeys {
  readonly values: ReadonlyMap<string, Value>;
  readonly lists: ReadonlyMap<string, readonly Value[]>;
  readonly mappings: ReadonlyMap<string, ReadonlyMap<string, Value>>;
  /** What is wrong with its form. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

export interface FileEntry extends EntryKeys {
  /** From 1, as people count. */
  readonly number: number;
}

export type FileContent =
  | { readonly kind: 'entries'; readonly entries: readonly FileEntry[]; readonly defaults: EntryKeys | undefined }
  /** Why nothing can be read, e.g. with the line. */
  | { readonly kind: 'unreadable'; readonly why: string };

type Yaml = typeof import('yaml');

interface Reading {
  readonly yaml: Yaml;
  readonly document: Document;
  readonly lines: LineCounter;
  readonly values: Map<string, Value>;
  readonly lists: Map<string, readonly Value[]>;
  readonly mappings: Map<string, ReadonlyMap<string, Value>>;
  readonly problems: string[];
  readonly warnings: string[];
}

const maxMergeDepth = 16;

/** @param yaml the package, which is loaded only where a file is read */
export function readEntries(yaml: Yaml, text: string): FileContent {
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    schema: 'failsafe',
    uniqueKeys: false,
    logLevel: 'error',
    lineCounter: lines,
  }) as Document;
  const [error] = document.errors;
  if (error) return unreadable((error.message.split('\n')[0] ?? '').replace(/[\s:]+$/, ''));
  const { contents } = document;
  const parts = yaml.isMap(contents) ? partsOf(contents as YAMLMap) : { jobs: contents, defaults: undefined };
  if (typeof parts === 'string') return unreadable(parts);
  const { jobs, defaults } = parts;
  if (!yaml.isSeq(jobs)) return unreadable('it must hold a list of jobs, each beginning with "- name:"');
  const read = (node: unknown, problem: string) => readKeys({ yaml, document, lines }, node, problem);
  const entries = jobs.items.map((item, index) => ({
    number: index + 1,
    ...read(item, 'a job must be keys with values, e.g. "name: my-job".'),
  }));
  const form = `'defaults' must be keys with values, e.g. "image: python3.11".`;
  const hasDefaults = defaults !== undefined && !(yaml.isScalar(defaults) && defaults.value === '');
  return { kind: 'entries', entries, defaults: hasDefaults ? read(defaults, form) : undefined };
}

function unreadable(why: string): FileContent {
  return { kind: 'unreadable', why };
}

/** A file that has more than jobs. @returns a sentence where it has something else */
function partsOf(map: YAMLMap): { jobs: unknown; defaults: unknown } | string {
  const items = map.items as Pair<Scalar>[];
  const other = items.find(({ key }) => key?.value !== 'jobs' && key?.value !== 'defaults');
  if (other) return `it must hold a list of jobs, or 'defaults' and 'jobs'; '${other.key?.value}' is neither`;
  const part = (name: string) => items.findLast(({ key }) => key?.value === name)?.value;
  return { jobs: part('jobs'), defaults: part('defaults') };
}

function readKeys(of: Pick<Reading, 'yaml' | 'document' | 'lines'>, item: unknown, problem: string): EntryKeys {
  const reading: Reading = {
    ...of,
    values: new Map(),
    lists: new Map(),
    mappings: new Map(),
    problems: [],
    warnings: [],
  };
  const node = followed(reading, item);
  if (reading.yaml.isMap(node)) readMapping(reading, node, 0);
  else reading.problems.push(problem);
  const { values, lists, mappings, problems, warnings } = reading;
  return { values, lists, mappings, problems, warnings };
}

/** Keys of its own win over merged ones, wherever they stand (YAML 1.1, merge keys). */
function readMapping(reading: Reading, map: YAMLMap, depth: number): void {
  const { warnings, problems } = reading;
  const own = new Set<string>();
  for (const { key, value } of map.items as Pair[]) {
    const name = textOf(reading, key)?.text;
    if (name === undefined) problems.push('a key must be one word.');
    else if (name !== '<<') {
      if (own.has(name)) warnings.push(`'${name}' is there twice; the last one counts`);
      own.add(name);
      // Set by the mapping that was merged into: stays.
      if (depth > 0 && isSet(reading, name)) continue;
      forget(reading, name);
      readKey(reading, name, value);
    }
  }
  for (const { key, value } of map.items as Pair[]) {
    if (textOf(reading, key)?.text === '<<') readMerged(reading, value, depth + 1);
  }
}

function isSet({ values, lists, mappings }: Reading, key: string): boolean {
  return values.has(key) || lists.has(key) || mappings.has(key);
}

function forget({ values, lists, mappings }: Reading, key: string): void {
  for (const one of [values, lists, mappings]) one.delete(key);
}

function readKey(reading: Reading, key: string, node: unknown): void {
  const { yaml, values, lists, mappings, problems } = reading;
  const found = followed(reading, node);
  const read = textOf(reading, node);
  if (read) values.set(key, read);
  else if (yaml.isSeq(found) && listKeys.includes(key)) {
    const items = found.items.map((item) => textOf(reading, item));
    if (items.every((item) => item !== undefined)) lists.set(key, items);
    else problems.push(listRule(key));
  } else if (yaml.isMap(found) && key === 'suspend') {
    // `suspend: {note: …}` is `suspend: true` and `suspend-note: …`.
    values.set(key, { text: 'true', isQuoted: false, line: lineOf(reading, found) });
    for (const [name, value] of readNames(reading, key, found)) values.set(`${key}-${name}`, value);
  } else if (yaml.isMap(found) && mappingKeys.includes(key)) mappings.set(key, readNames(reading, key, found));
  else if (yaml.isMap(found) && matrixKeys.includes(key)) lists.set(key, readPairs(reading, key, found));
  else if (mappingKeys.includes(key)) problems.push(`'${key}' must be names with values, e.g. "WIKI: frwiki".`);
  else if (listKeys.includes(key)) problems.push(listRule(key));
  else problems.push(`'${key}' must have one value, without a tag of YAML.`);
}

function listRule(key: string): string {
  return `'${key}' must be one value, or a list of them, without a tag of YAML.`;
}

/** The names and values of one key. */
function readNames(reading: Reading, key: string, map: YAMLMap): ReadonlyMap<string, Value> {
  const found = new Map<string, Value>();
  for (const pair of map.items as Pair[]) {
    const name = textOf(reading, pair.key)?.text;
    const value = textOf(reading, pair.value);
    if (name === undefined || value === undefined)
      reading.problems.push(`'${key}': each name must have one value, without a tag of YAML.`);
    else {
      if (found.has(name)) reading.warnings.push(`'${name}' is there twice below '${key}'; the last one counts`);
      found.set(name, value);
    }
  }
  return found;
}

/** Names with lists of values, as a pair for each value. @example { WIKI: [a, b] } -> ['WIKI=a', 'WIKI=b'] */
function readPairs(reading: Reading, key: string, map: YAMLMap): readonly Value[] {
  return (map.items as Pair[]).flatMap((pair) => {
    const name = textOf(reading, pair.key)?.text;
    const values = followed(reading, pair.value);
    const items = reading.yaml.isSeq(values) ? values.items : [values];
    const texts = items.flatMap((item) => textOf(reading, item) ?? []);
    const isList = name !== undefined && items.length > 0 && texts.length === items.length;
    if (!isList)
      reading.problems.push(`'${key}': each name must have a list of values, e.g. "WIKI: [frwiki, dewiki]".`);
    const isEmpty = isList && texts.some(isNothing);
    if (isEmpty)
      reading.problems.push(
        `'${key}': '${name}' has a value that is empty or null; leave it out, or quote it if it is meant as text.`,
      );
    const isRight = isList && !isEmpty;
    return isRight ? texts.map((value) => ({ ...value, text: `${name}=${value.text}` })) : [];
  });
}

function readMerged(reading: Reading, value: unknown, depth: number): void {
  const { yaml, problems } = reading;
  const node = followed(reading, value);
  const maps = yaml.isSeq(node) ? node.items.map((item) => followed(reading, item)) : [node];
  for (const map of maps) {
    if (yaml.isMap(map) && depth <= maxMergeDepth) readMapping(reading, map, depth);
    else problems.push(`'<<' must name keys with values, at most ${maxMergeDepth} deep.`);
  }
}

function followed({ yaml, document }: Pick<Reading, 'yaml' | 'document'>, node: unknown): unknown {
  return yaml.isAlias(node) ? (node as Alias).resolve(document) : node;
}

/** A key without anything behind it has the empty text. A tag is obeyed only where it says what the text is anyway. */
function textOf(reading: Reading, node: unknown): Value | undefined {
  const found = followed(reading, node);
  const isLost = found === undefined && reading.yaml.isAlias(node);
  if (isLost) return undefined;
  const line = lineOf(reading, found);
  if (found === null || found === undefined) return { text: '', isQuoted: false, line };
  if (!reading.yaml.isScalar(found)) return undefined;
  const { value, type, tag } = found as Scalar;
  if (tag !== undefined && !/^tag:yaml\.org,2002:(?:str|int|float|bool|null)$/.test(tag)) return undefined;
  const isQuoted = (type !== undefined && type !== 'PLAIN') || tag === 'tag:yaml.org,2002:str';
  return { text: String(value ?? ''), isQuoted, line };
}

const nothing = /^(?:|~|null)$/i;

export function isNothing({ text, isQuoted }: Value): boolean {
  return !isQuoted && nothing.test(text);
}

function lineOf({ yaml, lines }: Reading, node: unknown): number {
  return yaml.isNode(node) && node.range ? lines.linePos(node.range[0]).line : 0;
}
