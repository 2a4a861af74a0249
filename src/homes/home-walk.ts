/**
 * The way into a tool's home, one component at a time. A home belongs to its tool, so everything in it may be a trap: each step opens a
 * name below a directory that is already open, follows no link, and judges the opened file, never a path (the class of CVE-2021-25741).
 * Synchronous on purpose: it runs in bin/home-reader.ts, which can be killed, and in the administrator's command. Never in the daemon.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
} from 'node:fs';

/** Why a walk ended. `changing` is worth another look in a moment; most others need a person. */
export type WalkCode =
  | 'bad_name'
  | 'bad_base'
  | 'no_home'
  | 'missing'
  | 'not_directory'
  | 'link'
  | 'not_file'
  | 'hard_link'
  | 'device'
  | 'owner'
  | 'mode'
  | 'empty'
  | 'too_large'
  | 'changing'
  | 'unreadable';

/** `message` holds no byte of any file. */
export class WalkError extends Error {
  override readonly name = 'WalkError';
  readonly code: WalkCode;
  /** Which component: `base`, `home`, `.toolskube`, `client.key` … */
  readonly at: string;

  constructor(code: WalkCode, at: string, detail = '') {
    super(`${at}: ${code}${detail && ` (${detail})`}`);
    this.code = code;
    this.at = at;
  }
}

/** An open directory or file, and the path it must still have. */
export interface Opened {
  readonly fd: number;
  readonly path: string;
  readonly stat: BigIntStats;
}

export interface FileRules {
  readonly maxBytes: number;
  /** Not even readable by the group or others. */
  readonly secret: boolean;
}

export const credentialsDirectory = '.toolskube';
/** cert-manager's limit after CVE-2024-12401: parsing grows faster than the input. */
export const certificateRules: FileRules = { maxBytes: 36_500, secret: false };
export const keyRules: FileRules = { maxBytes: 64 * 1024, secret: true };

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** O_NONBLOCK: opening a FIFO returns at once; reading it is refused by its type. */
const fileFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const homeName = /^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$/;

/** The name of a child below an open directory, whatever its path is now. */
export function below(parent: Opened, name: string): string {
  return `/proc/self/fd/${parent.fd}/${name}`;
}

/**
 * The directory that holds all homes. It must belong to root, or to whoever runs this where that is not root, and nobody else may write
 * there: only then is `<base>/<name>` the home of that tool.
 * @throws WalkError `bad_base`
 */
export function openBase(base: string): Opened {
  let fd: number;
  try {
    fd = openSync(base, directoryFlags);
  } catch (error) {
    throw new WalkError('bad_base', 'base', errorCode(error));
  }
  try {
    const stat = fstatSync(fd, { bigint: true });
    const trusted = stat.uid === 0n || stat.uid === BigInt(process.geteuid?.() ?? 0);
    if (!trusted || (stat.mode & 0o022n) !== 0n)
      throw new WalkError('bad_base', 'base', trusted ? 'writable by others' : 'owner');
    return { fd, stat, path: readlinkSync(`/proc/self/fd/${fd}`) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** @throws WalkError `missing`, `not_directory` (links included), `changing`, `unreadable` */
export function openDirectory(parent: Opened, name: string, at = name): Opened {
  return open(parent, name, at, directoryFlags);
}

/** For reading; not judged yet. @throws WalkError as openDirectory */
export function openFile(parent: Opened, name: string, at = name): Opened {
  return open(parent, name, at, fileFlags);
}

/**
 * The home of a tool. Root's own directories are nobody's home, and a pod must never run as root because of one.
 * @throws WalkError `bad_name`, `no_home`, `owner`, and what openDirectory throws
 */
export function openHome(base: Opened, tool: string): Opened {
  if (!homeName.test(tool)) throw new WalkError('bad_name', 'home');
  let home: Opened;
  try {
    home = openDirectory(base, tool, 'home');
  } catch (error) {
    throw error instanceof WalkError && error.code === 'missing' ? new WalkError('no_home', 'home') : error;
  }
  if (home.stat.uid !== 0n) return home;
  closeSync(home.fd);
  throw new WalkError('owner', 'home', 'root');
}

/**
 * The bytes of one file of a home, and their stamp. The size is capped before and while reading.
 * @throws WalkError as judgeFile, openDirectory; `empty`
 */
export function readHomeFile(
  home: Opened,
  parent: Opened,
  name: string,
  rules: FileRules,
): { bytes: Buffer; stamp: string } {
  const file = openFile(parent, name);
  try {
    judgeFile(file, home, name, rules);
    const bytes = readCapped(file.fd, name, rules.maxBytes);
    const stamp = stampOf(walking(name, () => fstatSync(file.fd, { bigint: true })));
    if (stamp !== stampOf(file.stat)) {
      bytes.fill(0);
      throw new WalkError('changing', name);
    }
    if (bytes.length === 0) throw new WalkError('empty', name);
    return { bytes, stamp };
  } finally {
    closeSync(file.fd);
  }
}

/** Changes whenever the content, the owner, the mode or the number of links does: the change time cannot be set by a user. */
export function stampOf(stat: BigIntStats): string {
  return [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].map((number) => number.toString(36)).join('.');
}

/** The stamp of a name without opening it; a name that is not there has one as well. */
export function stampOfName(parent: Opened, name: string): string {
  const stat = lstatSync(below(parent, name), { bigint: true, throwIfNoEntry: false });
  return stat ? stampOf(stat) : '-';
}

/** Runs `use` with the home and closes everything afterwards. */
export function withHome<T>(basePath: string, tool: string, use: (home: Opened) => T): T {
  const base = openBase(basePath);
  try {
    const home = openHome(base, tool);
    try {
      return use(home);
    } finally {
      closeSync(home.fd);
    }
  } finally {
    closeSync(base.fd);
  }
}

export function withDirectory<T>(parent: Opened, name: string, use: (directory: Opened) => T): T {
  const directory = openDirectory(parent, name);
  try {
    if (directory.stat.dev !== parent.stat.dev) throw new WalkError('device', name);
    return use(directory);
  } finally {
    closeSync(directory.fd);
  }
}

function open(parent: Opened, name: string, at: string, flags: number): Opened {
  const fd = walking(at, () => openSync(below(parent, name), flags));
  try {
    const path = `${parent.path}/${name}`;
    // Moved or replaced since it was opened; what was opened is not judged by another name.
    if (readlinkSync(`/proc/self/fd/${fd}`) !== path) throw new WalkError('changing', at);
    return { fd, path, stat: walking(at, () => fstatSync(fd, { bigint: true })) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function judgeFile(file: Opened, home: Opened, at: string, rules: FileRules): void {
  const { stat } = file;
  if (!stat.isFile()) throw new WalkError('not_file', at);
  if (stat.nlink > 1n) throw new WalkError('hard_link', at);
  if (stat.nlink === 0n) throw new WalkError('changing', at);
  if (stat.dev !== home.stat.dev) throw new WalkError('device', at);
  if (stat.uid !== home.stat.uid) throw new WalkError('owner', at);
  if (rules.secret && (stat.mode & 0o077n) !== 0n) throw new WalkError('mode', at);
  if (stat.size > BigInt(rules.maxBytes)) throw new WalkError('too_large', at);
}

function readCapped(fd: number, at: string, maxBytes: number): Buffer {
  const buffer = Buffer.alloc(maxBytes + 1);
  let length = 0;
  for (;;) {
    const count = walking(at, () => readSync(fd, buffer, length, buffer.length - length, null));
    if (count === 0) return buffer.subarray(0, length);
    length += count;
    if (length > maxBytes) {
      buffer.fill(0);
      throw new WalkError('too_large', at);
    }
  }
}

/** What the disk or the file server refuses, in the words of a walk. */
function walking<T>(at: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw new WalkError(codeOf(errorCode(error)), at, errorCode(error));
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}

function codeOf(errno: string): WalkCode {
  switch (errno) {
    case 'ENOENT':
      return 'missing';
    case 'ELOOP':
      return 'link';
    case 'ENOTDIR':
      return 'not_directory';
    case 'ENXIO':
    case 'ENODEV':
      return 'not_file';
    case 'EAGAIN':
    case 'ESTALE':
      return 'changing';
    default:
      return 'unreadable';
  }
}
