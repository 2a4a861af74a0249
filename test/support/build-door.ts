/** Doors of the house built for a test: what runs is one file, as in dist/. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
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
