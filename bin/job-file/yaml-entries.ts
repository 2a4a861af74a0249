/**
 * A file of jobs as the texts its author typed. Scalars are not resolved: `007`, `1.0` and `12:30` mean what they look like, and only words
 * that stand unquoted can be truth values or nothing. Aliases and merge keys are followed, never expanded: an entry is one level deep.
 */
import type { Alias, Document, Pair, Scalar, YAMLMap } from 'yaml';

/** A value as it stands in the file. */
export interface Value {
  readonly text: string;
  /** Whether it stands in quotes or as a block, so that it cannot be a truth value. */
  readonly isQuoted: boolean;
}

export interface FileEntry {
  /** From 1, as people count. */
  readonly number: number;
  readonly values: ReadonlyMap<string, Value>;
  /** What is wrong with its form. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

export type FileContent =
  | { readonly kind: 'entries'; readonly entries: readonly FileEntry[] }
  /** Why nothing can be read, e.g. with the line. */
  | { readonly kind: 'unreadable'; readonly why: string };

type Yaml = typeof import('yaml');

interface Reading {
  readonly yaml: Yaml;
  readonly document: Document;
  readonly values: Map<string, Value>;
  readonly problems: string[];
  readonly warnings: string[];
}

const maxMergeDepth = 16;

/** @param yaml the package, which is loaded only where a file is read */
export function readEntries(yaml: Yaml, text: string): FileContent {
  const document = yaml.parseDocument(text, { schema: 'failsafe', uniqueKeys: false, logLevel: 'error' });
  const [error] = document.errors;
  if (error) return { kind: 'unreadable', why: (error.message.split('\n')[0] ?? '').replace(/[\s:]+$/, '') };
  const { contents } = document;
  if (!yaml.isSeq(contents))
    return { kind: 'unreadable', why: 'it must hold a list of jobs, each beginning with "- name:"' };
  const entries = contents.items.map((item, index) => readEntry(yaml, document as Document, item, index + 1));
  return { kind: 'entries', entries };
}

function readEntry(yaml: Yaml, document: Document, item: unknown, number: number): FileEntry {
  const reading: Reading = { yaml, document, values: new Map(), problems: [], warnings: [] };
  const node = followed(reading, item);
  if (yaml.isMap(node)) readMapping(reading, node, 0);
  else reading.problems.push('a job must be keys with values, e.g. "name: my-job".');
  const { values, problems, warnings } = reading;
  return { number, values, problems, warnings };
}

/** Keys of its own win over merged ones, wherever they stand (YAML 1.1, merge keys). */
function readMapping(reading: Reading, map: YAMLMap, depth: number): void {
  const { yaml, values, warnings, problems } = reading;
  const own = new Set<string>();
  for (const { key, value } of map.items as Pair[]) {
    const name = textOf(reading, key);
    if (name === undefined) problems.push('a key must be one word.');
    else if (name.text !== '<<') {
      if (own.has(name.text)) warnings.push(`'${name.text}' is there twice; the last one counts`);
      own.add(name.text);
      // Set by the mapping that was merged into: stays.
      if (depth > 0 && values.has(name.text)) continue;
      const read = textOf(reading, value);
      if (read) values.set(name.text, read);
      else if (name.text === 'suspend' && yaml.isMap(followed(reading, value)))
        readNested(reading, name.text, followed(reading, value) as YAMLMap, depth);
      else problems.push(`'${name.text}' must have one value, without a tag of YAML.`);
    }
  }
  for (const { key, value } of map.items as Pair[]) {
    if (textOf(reading, key)?.text === '<<') readMerged(reading, value, depth + 1);
  }
}

/** `suspend: {note: …}` is `suspend: true` and `suspend-note: …`. */
function readNested(reading: Reading, outer: string, map: YAMLMap, depth: number): void {
  const { values, problems } = reading;
  values.set(outer, { text: 'true', isQuoted: false });
  for (const { key, value } of map.items as Pair[]) {
    const [name, read] = [textOf(reading, key), textOf(reading, value)];
    const inner = `${outer}-${name?.text}`;
    if (!name || !read) problems.push(`'${outer}' must have keys with one value each.`);
    else if (depth === 0 || !values.has(inner)) values.set(inner, read);
  }
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

function followed({ yaml, document }: Reading, node: unknown): unknown {
  return yaml.isAlias(node) ? (node as Alias).resolve(document) : node;
}

/** A key without anything behind it has the empty text. A tag is obeyed only where it says what the text is anyway. */
function textOf(reading: Reading, node: unknown): Value | undefined {
  const found = followed(reading, node);
  const isLost = found === undefined && reading.yaml.isAlias(node);
  if (isLost) return undefined;
  if (found === null || found === undefined) return { text: '', isQuoted: false };
  if (!reading.yaml.isScalar(found)) return undefined;
  const { value, type, tag } = found as Scalar;
  if (tag !== undefined && !/^tag:yaml\.org,2002:(?:str|int|float|bool|null)$/.test(tag)) return undefined;
  const isQuoted = (type !== undefined && type !== 'PLAIN') || tag === 'tag:yaml.org,2002:str';
  return { text: String(value ?? ''), isQuoted };
}
