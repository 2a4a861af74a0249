/**
 * A Debian of its own to install packages in: made once with mmdebstrap and kept in the cache, then seen through an overlay in memory, so that
 * each test has it as new, at once, and nothing that is done in it lasts. Needs root. It shares network and processes with the machine.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePackages, isOnPath } from '../cluster/packages.ts';
import { pathWithSbin, run } from '../cluster/run.ts';
import { cacheRoot } from '../cluster/versions.ts';
import type { CommandResult } from './sandbox.ts';

/** The oldest release of Debian whose Node.js is new enough for us. */
const release = 'trixie';

const needs = [
  { package: 'mmdebstrap', present: () => isOnPath('mmdebstrap') },
  // For machines whose own distribution is another.
  {
    package: 'debian-archive-keyring',
    present: () => existsSync('/usr/share/keyrings/debian-archive-keyring.gpg'),
  },
];

export interface DebianRoot {
  /** Runs a program in it to its end, whatever that is, as root unless told otherwise; `env` is all of its environment. */
  run(words: readonly string[], options?: RunInside): Promise<CommandResult>;
  /** Where the machine sees a file of it. */
  path(inside: string): string;
  /** Has a directory of the machine under the path it has there, until it is closed. */
  share(directory: string): Promise<void>;
  /** A line for every file but those of /proc and /tmp: what it is, whose, and for all but directories how long and from when. */
  list(): Promise<string[]>;
  close(): Promise<void>;
}

export interface RunInside {
  readonly env?: Readonly<Record<string, string>>;
  /** E.g. `nobody`. */
  readonly user?: string;
}

/** @param packages that are in it beside the smallest system that has apt. Takes half a minute the first time. */
export async function openDebianRoot(packages: readonly string[], say: (line: string) => void): Promise<DebianRoot> {
  const lower = await debianDirectory(packages, say);
  const stage = await mkdtemp(join(tmpdir(), 'debian-root-'));
  const keeper = await mountOverlay(lower, stage);
  const top = join(stage, 'root');
  const path = (inside: string) => join(`/proc/${keeper.pid}/root`, top, inside);
  const inside = async (words: readonly string[], { env = {}, user }: RunInside = {}) => {
    const given = Object.entries({ PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', ...env });
    const account = user === undefined ? [] : [`--userspec=${user}`];
    const program = ['env', '-i', ...given.map(([name, value]) => `${name}=${value}`), ...words];
    return resultOf('nsenter', ['--target', String(keeper.pid), '--mount', 'chroot', ...account, top, ...program]);
  };
  return {
    run: inside,
    path,
    async share(directory) {
      const script = 'mkdir -p "$2" && mount --bind "$1" "$2"';
      const words = ['sh', '-c', script, 'sh', directory, join(top, directory)];
      const { code, stderr } = await resultOf('nsenter', ['--target', String(keeper.pid), '--mount', ...words]);
      if (code !== 0) throw new Error(`${directory} could not be mounted: ${stderr}`);
    },
    async list() {
      const shown = String.raw`%P\t%y%m\t%U:%G\t`;
      const expression = `find / ( -path /proc -o -path /tmp ) -prune -o -type d -printf ${shown}\\n -o -printf ${shown}%s\\t%T@\\t%l\\n`;
      const { stdout } = await inside(expression.split(' '));
      return stdout.trimEnd().split('\n').sort();
    },
    async close() {
      keeper.stdin?.end();
      if (keeper.exitCode === null) await once(keeper, 'exit');
      await rm(stage, { recursive: true });
    },
  };
}

/**
 * The directory that it is made of, which nobody may change. Processes that ask at once do not disturb one another.
 * @param packages as of openDebianRoot
 */
export async function debianDirectory(packages: readonly string[], say: (line: string) => void): Promise<string> {
  const digest = createHash('sha256')
    .update([...packages].sort().join(' '))
    .digest('hex')
    .slice(0, 12);
  const root = join(cacheRoot(), `debian-${release}-${digest}`);
  if (existsSync(root)) return root;
  await ensurePackages(say, needs);
  await mkdir(cacheRoot(), { recursive: true });
  const place = await mkdtemp(join(cacheRoot(), 'debian-root-'));
  try {
    const tree = join(place, 'tree');
    say(`making a Debian with ${packages.join(' ') || 'nothing else'}`);
    const include = packages.length > 0 ? [`--include=${packages.join(',')}`] : [];
    await run('mmdebstrap', ['--quiet', '--variant=apt', '--format=directory', ...include, release, tree]);
    await rename(tree, root).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was faster, with the same.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
  return root;
}

/** Mounts live in a namespace of the process that is returned, and so end with it, however that comes about. */
async function mountOverlay(lower: string, stage: string): Promise<ChildProcess> {
  const script = `set -e
    mount -t tmpfs tmpfs "$2"
    mkdir "$2/upper" "$2/work" "$2/root"
    mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
    mount -t proc proc "$2/root/proc"
    echo mounted
    exec cat`;
  const keeper = spawn('unshare', ['--mount', 'sh', '-c', script, 'sh', lower, stage], {
    env: { ...process.env, PATH: pathWithSbin() },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(keeper, 'exit').then(([code]) => {
    throw new Error(`The overlay of a Debian could not be mounted (${code}).`);
  });
  await Promise.race([once(keeper.stdout, 'data'), ended]);
  ended.catch(() => {});
  return keeper;
}

function resultOf(command: string, args: readonly string[]): Promise<CommandResult> {
  const env = { PATH: pathWithSbin() };
  return new Promise((resolve, reject) => {
    execFile(command, args, { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, stdout, stderr });
      else reject(error);
    });
  });
}
