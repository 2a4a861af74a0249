/**
 * `npm run package`: the package of the command line for Debian, from what is built: files in their places, owned by root, the same bytes each time. It has no
 * scripts that run when it is installed and nothing below /etc, so that an upgrade or a removal leaves nothing.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, lutimes, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import manifest from '../../package.json' with { type: 'json' };
import { repositoryRoot } from '../../test/support/repository-root.ts';
import { newestRelease } from './changelog.ts';
import { type Contents, packageContents } from './contents.ts';

const run = promisify(execFile);

export interface PackageOptions {
  /** Directory for the package. */
  readonly into: string;
  /** `dist` of the repository by default. */
  readonly bundles?: string;
  /** Text in the place of packaging/debian/changelog: version and date of the package are those of its newest entry. */
  readonly changelog?: string;
}

/** @returns path of the package, `…/toolforge-jobs_VERSION_all.deb` */
export async function buildDebianPackage({ into, bundles, changelog }: PackageOptions): Promise<string> {
  const history = changelog ?? (await readFile(join(import.meta.dirname, 'changelog'), 'utf8'));
  const { version, date } = newestRelease(history);
  const contents = await packageContents({
    bundles: bundles ?? join(repositoryRoot, 'dist'),
    version,
    changelog: history,
  });
  const control = controlText(await readFile(join(import.meta.dirname, 'control'), 'utf8'), version, contents);
  const path = join(into, `toolforge-jobs_${version}_all.deb`);
  const tree = await mkdtemp(join(tmpdir(), 'toolforge-jobs-package-'));
  try {
    await layOut(tree, withControl(contents, control), date);
    // Other distributions' dpkg-deb compress in other ways by default.
    const options = ['--root-owner-group', '-Zxz', '--threads-max=1', '--build'];
    await run('dpkg-deb', [...options, tree, path], { env: { ...process.env, SOURCE_DATE_EPOCH: String(date) } });
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
  return path;
}

/** @example dependencyOf('>=20.19') -> 'nodejs (>= 20.19)'. @throws Error for any other form: what it means has to be thought about */
export function dependencyOf(engine: string): string {
  const [, oldest] = /^>=(\d+(?:\.\d+)*)$/.exec(engine) ?? [];
  if (oldest === undefined) throw new Error(`no dependency of Debian says '${engine}'`);
  return `nodejs (>= ${oldest})`;
}

function controlText(fields: string, version: string, contents: Contents): string {
  const made = [
    'Package: toolforge-jobs',
    `Version: ${version}`,
    `Depends: ${dependencyOf(manifest.engines.node)}`,
    // Whoever looks for a module of Node.js looks for that name; and this takes the place of the command line of before.
    `Provides: node-toolforge-jobs (= ${version}), ${former}`,
    `Conflicts: ${former}`,
    `Replaces: ${former}`,
    `Installed-Size: ${installedKib(contents)}`,
  ];
  return `${made.join('\n')}\n${fields}`;
}

/** Has a program, a manual page and a completion of the same names. */
const former = 'toolforge-jobs-framework-cli';

/** As dpkg-gencontrol counts it: files in whole KiB, and one for everything else. */
function installedKib({ files, links }: Contents): number {
  const sizes = [...files.values()].map((content) => Math.ceil(Buffer.byteLength(content) / 1024));
  return sizes.reduce((sum, size) => sum + size, links.size + directoriesOf([...files.keys(), ...links.keys()]).length);
}

function withControl({ files, programs, links }: Contents, control: string): Contents {
  const sums = [...files].map(([path, content]) => `${createHash('md5').update(content).digest('hex')}  ${path}\n`);
  const more = new Map([
    ['DEBIAN/control', control],
    ['DEBIAN/md5sums', sums.sort(byPath).join('')],
  ]);
  return { files: new Map([...files, ...more]), programs, links };
}

function byPath(one: string, other: string): number {
  return one.slice(34) < other.slice(34) ? -1 : 1;
}

/** Modes and times are set one by one: neither the umask nor the clock of the machine shows in the package. */
async function layOut(tree: string, { files, programs, links }: Contents, date: number): Promise<void> {
  const directories = directoriesOf([...files.keys(), ...links.keys()]);
  for (const path of directories) await mkdir(join(tree, path));
  for (const [path, content] of files) {
    await writeFile(join(tree, path), content);
    await chmod(join(tree, path), programs.includes(path) ? 0o755 : 0o644);
  }
  for (const [path, target] of links) await symlink(target, join(tree, path));
  for (const path of ['', ...directories]) await chmod(join(tree, path), 0o755);
  for (const path of [...files.keys(), ...links.keys(), ...directories, ''])
    await lutimes(join(tree, path), date, date);
}

/** Every directory above them, parents first. */
function directoriesOf(paths: readonly string[]): string[] {
  const found = new Set<string>();
  for (const path of paths) for (let at = dirname(path); at !== '.'; at = dirname(at)) found.add(at);
  return [...found].sort();
}

if (process.argv[1]?.endsWith('packaging/debian/build.ts')) {
  console.log(await buildDebianPackage({ into: join(repositoryRoot, 'dist') }));
}
