/**
 * A Debian package and the libraries it needs, unpacked below the cache and never installed: no service is started, nothing of the machine
 * changes. For programs that a test runs on its own.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { aptGet } from '../cluster/apt.ts';
import { run } from '../cluster/run.ts';
import { cacheRoot } from '../cluster/versions.ts';

export interface DebianTree {
  /** `/` of the package. */
  readonly root: string;
  /** For LD_LIBRARY_PATH. */
  readonly libraries: string;
}

/** One download for all who ask at once. */
const underWay = new Map<string, Promise<void>>();

/**
 * Downloads it the first time, which takes seconds; processes that ask at once do not disturb one another.
 * @param privateLibraries directories of the tree that hold libraries of the package itself
 * @param companions packages that are no libraries, and that it needs all the same
 */
export async function debianTree(
  name: string,
  privateLibraries: readonly string[] = [],
  companions: readonly string[] = [],
): Promise<DebianTree> {
  const root = join(cacheRoot(), `debian-${name}`);
  if (!existsSync(root)) {
    const unpacking = underWay.get(name) ?? unpack([name, ...companions], root);
    underWay.set(name, unpacking);
    await unpacking.finally(() => underWay.delete(name));
  }
  const triplet = (await run('dpkg-architecture', ['-qDEB_HOST_MULTIARCH']).catch(guessTriplet)).trim();
  const directories = [...privateLibraries, `usr/lib/${triplet}`, `lib/${triplet}`];
  return { root, libraries: directories.map((directory) => join(root, directory)).join(':') };
}

/** dpkg-architecture comes with the tools of package makers only. */
async function guessTriplet(): Promise<string> {
  return `${(await run('uname', ['-m'])).trim()}-linux-gnu`;
}

async function unpack(names: readonly string[], root: string): Promise<void> {
  await mkdir(cacheRoot(), { recursive: true });
  const place = await mkdtemp(`${root}-`);
  try {
    await aptGet(['update']);
    await aptGet(['download', ...names, ...(await missingLibraries(names))], { cwd: place });
    const tree = join(place, 'tree');
    await mkdir(tree);
    for (const file of await readdir(place))
      if (file.endsWith('.deb')) await run('dpkg', ['-x', join(place, file), tree]);
    await rename(tree, root).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was faster, with the same.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** By the names of packages, which for libraries begin so (Debian Policy, "Shared libraries"). */
async function missingLibraries(names: readonly string[]): Promise<string[]> {
  const all = (await run('apt-cache', ['depends', '--recurse', '--important', ...names])).match(/^lib\S+$/gm) ?? [];
  const installed = new Set(
    (await run('dpkg', ['--get-selections']))
      .split('\n')
      .filter((line) => line.endsWith('\tinstall'))
      .map((line) => line.split(/[:\t]/)[0]),
  );
  return [...new Set(all)].filter((library) => !installed.has(library) && !library.endsWith('-perl'));
}
