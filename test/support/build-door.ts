/** Doors of the house built for a test: what runs is one file, as in dist/. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';
import { repositoryRoot } from './repository-root.ts';

export interface BuiltDoor {
  readonly path: string;
  remove(): Promise<void>;
}

/** The home reader, for tests that ask homes. */
export function buildReader(): Promise<BuiltDoor> {
  return buildDoor('home-reader');
}

/** The readers' door, with the reader beside it. */
export async function buildReaders(): Promise<BuiltDoor> {
  const [readers, reader] = await Promise.all([buildDoor('home-readers'), buildReader()]);
  const directory = dirname(readers.path);
  await Promise.all([
    rename(reader.path, join(directory, 'home-reader.js')),
    writeFile(join(directory, 'package.json'), '{"type":"module"}'),
  ]);
  await reader.remove();
  return readers;
}

/**
 * @param name of a file in bin/, without its ending
 * @param without packages to leave out, for tests that never come to need them
 */
export function buildDoor(name: string, without: readonly string[] = []): Promise<BuiltDoor> {
  return buildProgram(`bin/${name}.ts`, without);
}

/** @param source below the repository, e.g. `test/support/state-writer.ts` */
export async function buildProgram(source: string, without: readonly string[] = []): Promise<BuiltDoor> {
  const name = basename(source, '.ts');
  const directory = await mkdtemp(join(tmpdir(), `${name}-`));
  const path = join(directory, `${name}.mjs`);
  await build({
    entryPoints: [join(repositoryRoot, source)],
    outfile: path,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    logLevel: 'error',
    external: [...without],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return { path, remove: () => rm(directory, { recursive: true, force: true }) };
}
