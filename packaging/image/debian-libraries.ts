/**
 * Libraries of Debian, for this machine or another kind of it: apt reads the sources of this machine, and keeps what it learns about another
 * architecture below the cache, so that nothing of the machine changes.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { aptGet } from '../../test/cluster/apt.ts';
import { run } from '../../test/cluster/run.ts';
import { cacheRoot } from '../../test/cluster/versions.ts';
import { type Architecture, architectureHere } from '../node-release.ts';
import type { Material } from './bill-of-materials.ts';

/** Asks Debian which versions it has today. */
export async function updateLists(architecture: Architecture): Promise<void> {
  await aptGet([...(await aptOptions(architecture)), 'update']);
}

/** As the lists have it. @throws Error where they have none */
export async function newestOf(name: string, architecture: Architecture): Promise<Material> {
  const text = await run('apt-cache', [...(await aptOptions(architecture)), 'show', '--no-all-versions', name]);
  const version = /^Version: (\S+)$/m.exec(text)?.[1];
  if (!version) throw new Error(`No version of the Debian package ${name} is known.`);
  const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`;
  return { name, version, purl };
}

/** What a package needs, over every step; names of libraries begin so (Debian Policy, "Shared libraries"), but for one. */
export async function librariesOf(name: string, architecture: Architecture): Promise<readonly string[]> {
  const options = await aptOptions(architecture);
  const found = new Set([name]);
  // Those that are found meanwhile are looked at too.
  for (const each of found) {
    const text = await run('apt-cache', [...options, 'depends', '--important', each]);
    for (const [, library = ''] of text.matchAll(/^ *(?:Pre)?Depends: ((?:lib|zlib)[^\s:]+)/gm)) found.add(library);
  }
  return [...found].slice(1);
}

/** @param place an empty directory; they are unpacked into `root` below it */
export async function unpackInto(
  place: string,
  libraries: readonly Material[],
  architecture: Architecture,
): Promise<void> {
  const exact = libraries.map(({ name, version }) => `${name}=${version}`);
  await aptGet([...(await aptOptions(architecture)), 'download', ...exact], { cwd: place });
  for (const file of await readdir(place))
    if (file.endsWith('.deb')) await run('dpkg-deb', ['-x', join(place, file), join(place, 'root')]);
}

async function aptOptions(architecture: Architecture): Promise<string[]> {
  if (architecture === architectureHere()) return [];
  const place = join(cacheRoot(), `apt-${architecture}`);
  for (const name of ['lists/partial', 'cache/archives/partial']) await mkdir(join(place, name), { recursive: true });
  const options = {
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'Dir::State::lists': join(place, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': join(place, 'cache'),
  };
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}
