/**
 * The images users choose from: read from the text of a ConfigMap, found by name, alias or address. Two forms are read: the map of
 * `image-config` (canonical name -> state, aliases, variants, image) and the list of 2022 (`shortname`, `image`).
 */
import { isScalar, parseDocument, visit } from 'yaml';
import type { Image } from './domain.ts';
import { AppError } from './errors.ts';
import { projectOf, type Reference, splitReference } from './image-reference.ts';
import { nearest } from './nearest.ts';

export interface ImageList {
  /** By name in byte order. */
  all(): readonly Image[];
  /** The stable ones of them. Deprecated ones are not offered but can still be used. */
  offered(): readonly Image[];
  /** By canonical name, alias or address; a host, tag or digest in the text must be that of the image. */
  find(text: string): Image | undefined;
  /** What a container runs: the image of the list, or a placeholder. Never throws. */
  byUrl(url: string): Image;
  /** The canonical name somebody probably meant. */
  nearest(text: string): string | undefined;
}

/** A ConfigMap cannot be larger (kubernetes.io, "ConfigMaps"). */
const maxTextBytes = 1_048_576;
const maxProblems = 20;
const maxProblemChars = 200;
/** Of anchors and aliases; a few may stand in comments, and each takes the parser longer than the one before. */
const maxMarks = 100;
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/;
const addressPattern = /^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,511}$/;

/**
 * Entries without an image that jobs can run are left out, as they always were: they belong to other services.
 * @param yamlText value of the key `images-v1.yaml`, or the list of 2022
 * @throws AppError `settings.invalid` naming every problem at once; also when no image is left
 */
export function parseImageConfig(yamlText: string): ImageList {
  const problems: string[] = [];
  const images = imagesFrom(readYaml(yamlText, problems), problems);
  if (problems.length === 0 && images.length === 0) problems.push('it names no image that jobs can run');
  if (problems.length > 0) throw invalid(problems);
  return createImageList(images);
}

/** A list may be wrong in ten thousand places; whoever mends it needs to hear of the first. */
function invalid(all: readonly string[]): AppError {
  const more = all.length - maxProblems;
  const first = all.slice(0, maxProblems).map((problem) => problem.slice(0, maxProblemChars));
  const problems = more > 0 ? [...first, `and ${more} more`] : first;
  return new AppError('settings.invalid', `The list of images is not valid: ${problems.join('; ')}.`, { problems });
}

/** Aliases in YAML are refused altogether: a few nested ones can stand for gigabytes. Maps keep a key like `__proto__` harmless. */
function readYaml(text: string, problems: string[]): unknown {
  if (Buffer.byteLength(text) > maxTextBytes) {
    problems.push('it is larger than 1 MiB');
    return undefined;
  }
  if ((text.match(/[&*]/g)?.length ?? 0) > maxMarks) {
    problems.push('it is full of "&" or "*", which no list of images needs');
    return undefined;
  }
  try {
    // The parser compares every key with every other one: minutes, for a text that is allowed.
    const document = parseDocument(text, { uniqueKeys: false });
    problems.push(...document.errors.map(({ message }) => message.split('\n')[0] ?? message));
    problems.push(...doubleKeys(document));
    return problems.length > 0 ? undefined : document.toJS({ mapAsMap: true, maxAliasCount: 0 });
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

function doubleKeys(document: ReturnType<typeof parseDocument>): string[] {
  const doubles: string[] = [];
  visit(document, {
    Map(_key, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const name = isScalar(key) ? String(key.value) : key;
        if (seen.has(name)) doubles.push(`${quoted(String(name))} stands there twice`);
        seen.add(name);
      }
    },
  });
  return doubles;
}

function imagesFrom(raw: unknown, problems: string[]): Image[] {
  if (raw instanceof Map) return [...raw].flatMap(([name, entry]) => imageOfMap(String(name), entry, problems) ?? []);
  if (Array.isArray(raw)) return raw.flatMap((entry, index) => imageOfList(entry, index, problems) ?? []);
  if (problems.length === 0) problems.push('it is neither a map of images nor a list of them');
  return [];
}

function imageOfMap(name: string, entry: unknown, problems: string[]): Image | undefined {
  const said = (problem: string): undefined => void problems.push(`${quoted(name)}: ${problem}`);
  if (!namePattern.test(name)) return said('the name must be letters, digits and ". _ / -"');
  if (!(entry instanceof Map)) return said('must be a map with state, aliases, variants, image');
  const variants = addressesOfVariants(entry.get('variants'), said);
  const address = addressOf(entry.get('image'), 'image', said) ?? variants.get('jobs-framework');
  const given = namesOf(entry.get('aliases'), said);
  const state = entry.get('state');
  if (state !== 'stable' && state !== 'deprecated') return said('state must be "stable" or "deprecated"');
  if (address === undefined) return undefined;
  const aliases = new Set([...given, ...[...variants.values()].map(shortNameOf)]);
  return { name, url: withTag(address), aliases: [...aliases], state, type: 'standard' };
}

type Said = (problem: string) => undefined;

function addressesOfVariants(variants: unknown, said: Said): Map<string, string> {
  const addresses = new Map<string, string>();
  if (variants === undefined || variants === null) return addresses;
  if (!(variants instanceof Map)) {
    said('variants must be a map');
    return addresses;
  }
  for (const [variant, value] of variants) {
    const address = value instanceof Map ? addressOf(value.get('image'), `variants.${variant}.image`, said) : undefined;
    if (address !== undefined) addresses.set(String(variant), address);
  }
  return addresses;
}

function addressOf(value: unknown, field: string, said: Said): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && addressPattern.test(value)) return value;
  return said(`${field} must be the address of an image, such as registry.example.org/name`);
}

function namesOf(value: unknown, said: Said): string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((name) => typeof name === 'string' && namePattern.test(name))) return value;
  said('aliases must be a list of names');
  return [];
}

function imageOfList(entry: unknown, index: number, problems: string[]): Image | undefined {
  const said = (problem: string): undefined => void problems.push(`entry ${index + 1}: ${problem}`);
  const name: unknown = entry instanceof Map ? entry.get('shortname') : undefined;
  if (typeof name !== 'string' || !namePattern.test(name))
    return said('shortname must be letters, digits and ". _ / -"');
  const given = (entry as Map<string, unknown>).get('image');
  if (given === undefined || given === null) return said('image is missing');
  const address = addressOf(given, 'image', said);
  if (address === undefined) return undefined;
  const state = name.endsWith('-DEPRECATED') ? 'deprecated' : 'stable';
  return { name, url: withTag(address), aliases: [], state, type: 'standard' };
}

function createImageList(images: readonly Image[]): ImageList {
  const sorted = [...images].sort((one, other) => (one.name < other.name ? -1 : 1));
  const stable = sorted.filter(({ state }) => state === 'stable');
  const byName = new Map<string, Image>();
  const add = (name: string, image: Image) => byName.has(name) || byName.set(name, image);
  // A canonical name wins over any address, an address over an alias.
  for (const image of sorted) add(image.name, image);
  for (const image of sorted) add(splitReference(image.url).path, image);
  for (const image of sorted) for (const alias of image.aliases) add(alias, image);
  const find = (text: string) => {
    const asked = splitReference(text);
    const image = byName.get(asked.path);
    return image && isSameSource(asked, splitReference(image.url)) ? image : undefined;
  };
  return {
    all: () => sorted,
    offered: () => stable,
    find,
    byUrl: (url) => find(url) ?? placeholderFor(url),
    nearest: (text) => byName.get(nearest(splitReference(text).path, byName.keys()) ?? '')?.name,
  };
}

function isSameSource(asked: Reference, known: Reference): boolean {
  if (asked.host !== undefined && asked.host !== known.host) return false;
  if (asked.tag !== undefined && asked.tag !== known.tag) return false;
  return asked.digest === undefined || asked.digest === known.digest;
}

/** Of images of the build service nothing but the address is known here. */
function placeholderFor(url: string): Image {
  const { host, path } = splitReference(url);
  if (!projectOf(path)) return { name: url, url, aliases: [], state: 'unknown', type: 'standard' };
  const name = host === undefined ? url : url.slice(host.length + 1);
  return { name, url, aliases: [], state: 'stable', type: 'buildservice' };
}

function withTag(address: string): string {
  const { tag, digest } = splitReference(address);
  return tag === undefined && digest === undefined ? `${address}:latest` : address;
}

function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}

function shortNameOf(address: string): string {
  return splitReference(address).path.split('/').at(-1) ?? address;
}
