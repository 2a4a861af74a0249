/**
 * buildah, podman and docker, as far as images of a tree need them. Arguments go to the program as they are, never through a shell. How it
 * isolates and where it stores is its own affair: its environment is ours (BUILDAH_ISOLATION, STORAGE_DRIVER, DOCKER_HOST …).
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { AppError } from '../../src/errors.ts';
import { splitReference } from '../../src/image-reference.ts';
import { isOnThisMachine } from './images-reference.ts';
import type { TreeImage } from './images-tree.ts';

export const builderNames = ['buildah', 'podman', 'docker'] as const;
export type BuilderName = (typeof builderNames)[number];

/** What the builder says, a line at a time. */
export type Hear = (line: string) => void;

/** An image that this machine holds. */
export interface HeldImage {
  readonly id: string;
  /** Undefined where a newer one has taken its name. */
  readonly reference: string | undefined;
}

export interface Builder {
  readonly name: BuilderName;
  /** All of them reject with the last words of the program where it does not end well, with AppError `builder.unavailable` where there is none. */
  build(
    image: TreeImage,
    options: { readonly family: string; readonly fromScratch: boolean },
    hear: Hear,
  ): Promise<void>;
  /** @param always also where there is one already */
  pull(reference: string, always: boolean, hear: Hear): Promise<void>;
  push(reference: string, hear: Hear): Promise<void>;
  /** Of this tree alone: what `build` made for the same family. */
  held(family: string): Promise<HeldImage[]>;
  remove(image: HeldImage, hear: Hear): Promise<void>;
}

/** Of every image that is built here: whose it is. */
const familyLabel = 'jobs.toolforge.org/image-family';

/**
 * The one that was asked for, or the first that is installed.
 * @throws AppError `builder.unavailable` where it is not installed, or none is
 */
export function findBuilder(asked: BuilderName | undefined, path = process.env.PATH ?? ''): BuilderName {
  const isInstalled = (name: BuilderName) =>
    path.split(delimiter).some((directory) => isProgram(join(directory, name)));
  const found = (asked ? [asked] : builderNames).find(isInstalled);
  if (found) return found;
  const missing = asked
    ? `${asked} is not installed.`
    : `None of ${builderNames.join(', ')} is installed; one of them builds images.`;
  throw new AppError('builder.unavailable', missing);
}

export function createBuilder(name: BuilderName): Builder {
  const isDocker = name === 'docker';
  /** docker knows by itself that a registry on the same machine has no TLS. */
  const plain = (reference: string) => (!isDocker && isOnThisMachine(reference) ? ['--tls-verify=false'] : []);
  return {
    name,
    build: (image, { family, fromScratch }, hear) =>
      runBuilder(name, buildWords(name, image, { family, fromScratch }), hear),
    pull(reference, always, hear) {
      // docker and podman fetch what is missing when they build.
      const policy = name === 'buildah' ? ['--policy', always ? 'always' : 'missing'] : [];
      return always || name === 'buildah'
        ? runBuilder(name, ['pull', ...policy, ...plain(reference), reference], hear)
        : Promise.resolve();
    },
    push: (reference, hear) => runBuilder(name, ['push', ...plain(reference), reference], hear),
    async held(family) {
      const repository = name === 'buildah' ? '.Name' : '.Repository';
      const format = `{{.ID}} {{${repository}}} {{.Tag}}`;
      const lines: string[] = [];
      const words = ['images', '--no-trunc', '--filter', `label=${familyLabel}=${family}`, '--format', format];
      await runBuilder(
        name,
        words,
        () => {},
        (line) => void lines.push(line),
      );
      return lines.flatMap(heldImageOf);
    },
    remove: ({ id, reference }, hear) => runBuilder(name, ['rmi', reference ?? id], hear),
  };
}

/** @internal for tests: the words behind the program's name */
export function buildWords(
  name: BuilderName,
  { directory, reference, args }: TreeImage,
  { family, fromScratch }: { readonly family: string; readonly fromScratch: boolean },
): string[] {
  // A path that begins with a dash would be an option.
  const context = directory.startsWith('/') ? directory : `./${directory}`;
  return [
    'build',
    // buildah keeps layers for the next time only where it is told to; the others always do.
    ...(name === 'buildah' ? ['--layers'] : []),
    ...(fromScratch ? ['--no-cache'] : []),
    ...['--label', `${familyLabel}=${family}`],
    ...[...args].flatMap(([arg, value]) => ['--build-arg', `${arg}=${value}`]),
    ...['--tag', reference, '--file', `${context}/Dockerfile`, context],
  ];
}

/** @internal for tests: a line of `images`, whose missing names are shown as `<none>` */
export function heldImageOf(line: string): HeldImage[] {
  const [id = '', repository = '', tag = ''] = line.trim().split(/\s+/);
  if (!/^(sha256:)?[0-9a-f]{12,64}$/.test(id)) return [];
  const isNamed = repository !== '' && tag !== '' && repository !== '<none>' && tag !== '<none>';
  return [{ id, reference: isNamed ? `${repository}:${tag}` : undefined }];
}

/** Whether a reference is one of a family, whatever its tag. */
export function isOfFamily(reference: string, family: string): boolean {
  const { host, path } = splitReference(reference);
  return `${host === undefined ? '' : `${host}/`}${path}`.startsWith(`${family}-`);
}

/** @param answer of its standard output, where that is no talk */
function runBuilder(name: BuilderName, words: readonly string[], hear: Hear, answer = hear): Promise<void> {
  const child = spawn(name, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const last: string[] = [];
  const listen = (stream: Readable, say: Hear) =>
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
      if (line.trim() === '') return;
      last.push(line.trim());
      if (last.length > 3) last.shift();
      say(line);
    });
  listen(child.stdout, answer);
  listen(child.stderr, hear);
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new AppError('builder.unavailable', `${name} cannot be run: is it installed?`, { cause })),
    );
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(last.at(-1) ?? `${name} ended with ${code ?? signal}`));
    });
  });
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
