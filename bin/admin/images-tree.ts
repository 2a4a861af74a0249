/**
 * A tree of Dockerfiles: which images it makes, and which of them build on which. The directory with `images.yaml` is the tree; every directory
 * below it with a Dockerfile is an image, whose name is its path with `-` for `/`. Nothing is followed out of the tree by a link.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { AppError } from '../../src/errors.ts';
import { splitReference } from '../../src/image-reference.ts';
import { nearest } from '../../src/nearest.ts';
import { usage } from '../terminal/arguments.ts';
import { type Base, readDockerfile } from './images-dockerfile.ts';
import { isImageName, isReference, isRegistry, repositoryOf } from './images-reference.ts';

export interface ImageTree {
  /** As it was named, for people. */
  readonly root: string;
  /** `REGISTRY/PREFIX`: whose images these are. */
  readonly family: string;
  readonly images: ReadonlyMap<string, TreeImage>;
}

export interface TreeImage {
  /** E.g. `python311-base`. */
  readonly name: string;
  readonly directory: string;
  /** What it is pushed as. */
  readonly reference: string;
  /** Names of the images of the tree that it builds on. */
  readonly bases: readonly string[];
  /** What it builds on that no Dockerfile of the tree makes. */
  readonly foreign: readonly string[];
  /** The arguments that its Dockerfile declares and that have a value here. */
  readonly args: ReadonlyMap<string, string>;
}

export interface TreeOptions {
  readonly tag: string;
  /** Each stronger than what `images.yaml` says. */
  readonly registry?: string | undefined;
  readonly prefix?: string | undefined;
}

/** What an image without a registry is called, by buildah and podman as well. */
const noRegistry = 'localhost';
const settingsFile = 'images.yaml';
const maxFileBytes = 1_048_576;

/**
 * @param path a tree, an image of it, or a directory with several
 * @returns the directory of the tree, as a path that begins as `path` does
 * @throws AppError `usage.invalid` where there is no tree
 */
export async function findTree(path: string): Promise<string> {
  const isDirectory = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isDirectory) throw usage(`${path} is no directory.`);
  for (let up = path; ; up = join(up, '..')) {
    if ((await kindOf(join(up, settingsFile))) === 'file') return up;
    if (resolve(up) === dirname(resolve(up)))
      throw usage(
        `Neither ${path} nor a directory above it has a file ${settingsFile}, which makes it a tree of images.`,
      );
  }
}

/** @throws AppError `image_tree.invalid` naming everything that is wrong, each with file and line */
export async function readTree(root: string, options: TreeOptions): Promise<ImageTree> {
  const problems: string[] = [];
  const settings = await readSettings(root, options, problems);
  const family = `${settings.registry}/${settings.prefix}`;
  const files = await filesBelow(root, problems);
  const given = new Map([
    ...settings.args,
    ['REGISTRY', settings.registry] as const,
    ['PREFIX', settings.prefix] as const,
    ['TAG', options.tag] as const,
  ]);
  const tree: Tree = { family, tag: options.tag, names: new Set(files.keys()) };
  const images = new Map<string, TreeImage>();
  const lines = new Map<string, number>();
  for (const [name, { directory, file, text }] of files) {
    const { bases, declared, problems: mistakes } = readDockerfile(text, given);
    const complain = (line: number, rule: string) => void problems.push(`${file}:${line}: ${rule}.`);
    for (const { line, rule } of mistakes) complain(line, rule);
    const own = bases.flatMap((base) => {
      const known = memberOf(base, tree, complain);
      if (known !== undefined && !lines.has(`${name} ${known}`)) lines.set(`${name} ${known}`, base.line);
      return known ?? [];
    });
    const foreign = bases.flatMap(({ reference }) => (isOfTree(reference, tree) ? [] : [reference]));
    images.set(name, {
      name,
      directory,
      reference: `${family}-${name}:${options.tag}`,
      bases: [...new Set(own)].sort(),
      foreign: [...new Set(foreign)].sort(),
      args: new Map([...given].filter(([arg]) => declared.has(arg))),
    });
  }
  for (const cycle of cyclesIn(images)) {
    const [first = '', second = ''] = cycle;
    const where = `${files.get(first)?.file}:${lines.get(`${first} ${second}`)}`;
    problems.push(`${where}: ${first} builds on itself: ${cycle.join(' -> ')}.`);
  }
  if (problems.length === 0 && images.size === 0) problems.push(`${root}: no directory below it has a Dockerfile.`);
  if (problems.length > 0) throw new AppError('image_tree.invalid', problems.join('\n'), { problems });
  return { root, family, images };
}

interface Tree {
  readonly family: string;
  readonly tag: string;
  readonly names: ReadonlySet<string>;
}

function isOfTree(reference: string, { family }: Tree): boolean {
  return reference.startsWith(`${family}-`);
}

/** @returns the name of the image of the tree that is meant, undefined where it is none or a wrong one, which is complained of */
function memberOf(
  { reference, line }: Base,
  tree: Tree,
  complain: (line: number, rule: string) => void,
): string | undefined {
  if (!isReference(reference)) {
    complain(line, `'${reference}' is no address of an image, such as registry.example.org/name:tag`);
    return undefined;
  }
  const asked = splitReference(reference);
  const short = tree.family.slice(tree.family.lastIndexOf('/') + 1);
  const ending = (name: string) => `\${REGISTRY}/\${PREFIX}-${name}:\${TAG}`;
  if (!isOfTree(reference, tree)) {
    const bare = reference.startsWith(`${short}-`) ? asked.path.slice(short.length + 1) : '';
    if (tree.names.has(bare)) complain(line, `'${reference}' is an image of this tree: write ${ending(bare)}`);
    return undefined;
  }
  const name = repositoryOf(asked).slice(tree.family.length + 1);
  if (!tree.names.has(name)) {
    const meant = nearest(name, tree.names);
    complain(line, `no Dockerfile of the tree makes '${name}' (${reference})${meant ? `; there is '${meant}'` : ''}`);
    return undefined;
  }
  if (asked.tag === tree.tag && asked.digest === undefined) return name;
  complain(line, `'${reference}' is not what the tree makes: write ${ending(name)}`);
  return undefined;
}

interface Settings {
  readonly registry: string;
  readonly prefix: string;
  readonly args: ReadonlyMap<string, string>;
}

async function readSettings(root: string, options: TreeOptions, problems: string[]): Promise<Settings> {
  const file = join(root, settingsFile);
  const said = (rule: string) => void problems.push(`${file}: ${rule}.`);
  const raw = mapOf((await readText(file, said)) ?? '', said);
  const text = (key: string) => {
    const value = raw.get(key);
    if (value === undefined || typeof value === 'string') return value;
    said(`${key} must be text`);
    return undefined;
  };
  for (const key of raw.keys()) {
    const known = ['registry', 'prefix', 'args'];
    if (!known.includes(key)) said(`there is no key '${key}'; it knows ${known.join(', ')}`);
  }
  const registry = options.registry ?? text('registry') ?? noRegistry;
  const prefix = options.prefix ?? text('prefix') ?? 'toolforge';
  if (!isRegistry(registry)) said(`the registry must be HOST, HOST:PORT or HOST/PATH; '${registry}' is not`);
  if (!isImageName(prefix))
    said(`the prefix must be small letters, digits and single '.', '_', '-' between; '${prefix}' is not`);
  const args = new Map<string, string>();
  const given: unknown = raw.get('args') ?? new Map();
  if (!(given instanceof Map)) said('args must be a map of names and texts');
  else
    for (const [name, value] of given) {
      if (!/^[A-Za-z_]\w{0,63}$/.test(String(name))) said(`args: '${name}' is no name of an argument`);
      else if (['REGISTRY', 'PREFIX', 'TAG'].includes(name)) said(`args: ${name} is set by the command`);
      else if (typeof value !== 'string' || !/^\P{C}{0,512}$/u.test(value))
        said(`args: ${name} must be a line of text`);
      else args.set(name, value);
    }
  return { registry, prefix, args };
}

function mapOf(text: string, said: (rule: string) => void): ReadonlyMap<string, unknown> {
  try {
    const value: unknown = parseYaml(text, { mapAsMap: true, maxAliasCount: 0 });
    if (value === null) return new Map();
    if (value instanceof Map) return new Map([...value].map(([key, one]) => [String(key), one]));
    said('it must be a map, or empty');
  } catch (cause) {
    said(`it is not YAML: ${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)}`);
  }
  return new Map();
}

interface Found {
  readonly directory: string;
  readonly file: string;
  readonly text: string;
}

/** By name, in byte order. */
async function filesBelow(root: string, problems: string[]): Promise<ReadonlyMap<string, Found>> {
  const found = new Map<string, Found>();
  for (const directory of await directoriesBelow(root, problems)) {
    const file = join(directory, 'Dockerfile');
    const kind = await kindOf(file);
    if (kind === 'none') continue;
    const said = (rule: string) => void problems.push(`${file}:1: ${rule}.`);
    const parts = relative(root, directory).split('/');
    const name = parts.join('-');
    const wrong = parts.find((part) => !isImageName(part));
    const other = found.get(name);
    if (name === '') said('the directory of the tree is no image itself; give it one of its own');
    else if (wrong !== undefined)
      said(`the directory '${wrong}' gives the image its name: small letters, digits and single '.', '_', '-' between`);
    else if (other) said(`the image would be called '${name}', as that of ${other.file} is`);
    else if (kind !== 'file') said('it is no plain file');
    else {
      const text = await readText(file, said);
      // An image that others build on is there, even where it cannot be read.
      found.set(name, { directory, file, text: text ?? 'FROM scratch' });
    }
  }
  return new Map([...found].sort(([one], [other]) => (one < other ? -1 : 1)));
}

async function directoriesBelow(directory: string, problems: string[]): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const inner = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
    const below = inner.sort().map((name) => directoriesBelow(join(directory, name), problems));
    return [directory, ...(await Promise.all(below)).flat()];
  } catch (error) {
    problems.push(`${directory}: it cannot be read (${(error as NodeJS.ErrnoException).code}).`);
    return [];
  }
}

async function readText(file: string, said: (rule: string) => void): Promise<string | undefined> {
  try {
    const bytes = await readFile(file);
    if (bytes.length <= maxFileBytes) return bytes.toString('utf8');
    said('it is larger than 1 MiB');
  } catch (error) {
    said(`it cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  return undefined;
}

async function kindOf(file: string): Promise<'none' | 'file' | 'other'> {
  const entries = await readdir(dirname(file), { withFileTypes: true }).catch(() => []);
  const entry = entries.find(({ name }) => name === basename(file));
  return entry === undefined ? 'none' : entry.isFile() ? 'file' : 'other';
}

/** Each as it is walked, its first image at the end again: `a`, `b`, `a`. One for each image that closes one. */
function cyclesIn(images: ReadonlyMap<string, TreeImage>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const walk = (name: string, path: readonly string[]): void => {
    const from = path.indexOf(name);
    if (from >= 0) return void cycles.push([...path.slice(from), name]);
    if (done.has(name)) return;
    for (const base of images.get(name)?.bases ?? []) walk(base, [...path, name]);
    done.add(name);
  };
  for (const name of images.keys()) walk(name, []);
  return cycles;
}
