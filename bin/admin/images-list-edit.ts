/** An edit of the text of `image-config` that leaves everything else as it is written, comments as well. Pure. */
import { isMap, parseDocument, type YAMLMap } from 'yaml';
import { AppError } from '../../src/errors.ts';
import { splitReference } from '../../src/image-reference.ts';
import { parseImageConfig } from '../../src/images.ts';

export interface Publication {
  /** What users call the image, e.g. `python3.11`. */
  readonly name: string;
  /** What jobs run, e.g. `registry.example.org/toolforge-python311:latest`. */
  readonly address: string;
  /** Undefined: as it is; `stable` for a new one. */
  readonly state?: 'stable' | 'deprecated' | undefined;
  /** Undefined: as they are. */
  readonly aliases?: readonly string[] | undefined;
}

/**
 * The result is one that the daemon takes, and in which the name stands for the address: that is tried before it is returned.
 * @param text value of the key; what is there already must be valid too
 * @throws AppError `settings.invalid` naming what is wrong
 */
export function publishInto(text: string, publication: Publication): string {
  const { name, state, aliases } = publication;
  const before = parseImageConfig(text);
  const document = parseDocument(text);
  if (!isMap(document.contents)) throw invalid('it has the form of 2022, a list; only the map of names is edited here');
  const address = asWritten(publication.address);
  const holder = before.find(name);
  if (holder && holder.name !== name)
    throw invalid(`'${name}' is another name of '${holder.name}' already; publish that`);
  const entry = document.get(name) as YAMLMap | undefined;
  if (!isMap(entry)) {
    // Services of other generations read one of the two each.
    const made = {
      state: state ?? 'stable',
      aliases: aliases ?? [],
      variants: { 'jobs-framework': { image: address } },
      image: address,
    };
    document.set(document.createNode(name), document.createNode(made));
  } else {
    if (state !== undefined) entry.set('state', state);
    if (aliases !== undefined) entry.set('aliases', document.createNode(aliases));
    const place = entry.has('image') ? ['image'] : ['variants', 'jobs-framework', 'image'];
    entry.setIn(place, address);
  }
  const after = document.toString({ lineWidth: 0 });
  check(after, publication);
  // Writing anew what says the same would only change how it looks.
  return isSame(text, after) ? text : after;
}

function check(text: string, { name, address, aliases = [] }: Publication): void {
  const list = parseImageConfig(text);
  const wanted = asWritten(address);
  for (const word of [name, ...aliases]) {
    const found = list.find(word);
    if (found?.name !== name)
      throw invalid(`'${word}' stands for '${found?.name ?? 'nothing'}' there, so it cannot be a name of '${name}'`);
    if (asWritten(found.url) !== wanted) throw invalid(`'${name}' would stand for ${found.url}`);
  }
}

/** Earlier services put `:latest` behind whatever stands there, so that it is never written. */
function asWritten(address: string): string {
  const { tag, digest } = splitReference(address);
  return tag === 'latest' && digest === undefined ? address.slice(0, -':latest'.length) : address;
}

function isSame(one: string, other: string): boolean {
  return JSON.stringify(parseDocument(one).toJS()) === JSON.stringify(parseDocument(other).toJS());
}

function invalid(problem: string): AppError {
  return new AppError('settings.invalid', `The list of images cannot be edited so: ${problem}.`);
}
