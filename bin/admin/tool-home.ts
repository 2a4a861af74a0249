/**
 * Writing into a tool's home as root. The home belongs to the tool, so it is treated as hostile: every name is opened or made below a
 * directory that is already open (src/homes/home-walk.ts), nothing that is a link is touched, and files appear complete under their name or not.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import type { Tool } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import {
  below,
  credentialsDirectory,
  type Opened,
  openBase,
  openDirectory,
  WalkError,
} from '../../src/homes/home-walk.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface HomeFiles {
  /** What is absent is left as it is. PEM. */
  readonly pair?: { readonly cert: string; readonly key: string };
  readonly kubeconfig?: string;
}

/** Toolforge's own: the maintainers of a tool share its group, and new files get it. */
const homeMode = 0o2775;
const privateMode = 0o700;
const firstUid = 50_000;
const uidCount = 10_000;
const writeFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Makes the home unless there is one, and says whose it is. The base is made as well where it is missing, for root alone to write.
 * @param wanted the owner's uid; otherwise that of an existing home, or a free one that follows from the name
 * @throws AppError `home.refused`
 */
export function makeHome(basePath: string, tool: Tool, wanted: number | undefined): { owner: Owner; made: boolean } {
  // Whoever runs this may have a narrow umask; people must be able to reach their homes.
  if (mkdirSync(basePath, { recursive: true, mode: 0o755 }) !== undefined) chmodSync(basePath, 0o755);
  return refusing(tool, () =>
    withOpen(openBase(basePath), (base) => {
      const made = mkdirUnlessThere(base, tool.name);
      return withOpen(openDirectory(base, tool.name, 'home'), (home) => ({
        owner: settleOwner(base, home, tool, wanted),
        made,
      }));
    }),
  );
}

/** Puts the files where they belong; a reader finds the old pair, the new one, or for an instant one half of each. */
export function writeHomeFiles(basePath: string, tool: Tool, { pair, kubeconfig }: HomeFiles): void {
  refusing(tool, () =>
    withOpen(openBase(basePath), (base) =>
      withOpen(openDirectory(base, tool.name, 'home'), (home) => {
        const owner = ownerOf(home);
        if (pair) {
          inDirectory(home, credentialsDirectory, owner, (directory) => {
            const swaps = [
              prepareFile(directory, 'client.key', pair.key, 0o400, owner),
              prepareFile(directory, 'client.crt', pair.cert, 0o400, owner),
            ];
            for (const swap of swaps) swap();
            fsyncSync(directory.fd);
          });
        }
        if (kubeconfig !== undefined)
          inDirectory(home, '.kube', owner, (directory) =>
            prepareFile(directory, 'config', kubeconfig, 0o600, owner)(),
          );
      }),
    ),
  );
}

/** @returns whether there was one. What is mounted inside is not entered. */
export function removeHome(basePath: string, tool: Tool): boolean {
  if (!lstatSync(basePath, { throwIfNoEntry: false })) return false;
  return refusing(tool, () =>
    withOpen(openBase(basePath), (base) => {
      const isThere = lstatSync(below(base, tool.name), { throwIfNoEntry: false }) !== undefined;
      if (isThere) removeTree({ fd: base.fd, dev: base.stat.dev }, Buffer.from(tool.name));
      return isThere;
    }),
  );
}

function settleOwner(base: Opened, home: Opened, tool: Tool, wanted: number | undefined): Owner {
  const current = ownerOf(home);
  if (current.uid !== 0) {
    if (wanted === undefined || wanted === current.uid) return current;
    throw new AppError('home.refused', `${home.path} belongs to uid ${current.uid}, not ${wanted}.`);
  }
  // Root's own and empty: made just now, or by an earlier run that ended before it could hand it over.
  if (readdirSync(`/proc/self/fd/${home.fd}`).length > 0) {
    throw new AppError('home.refused', `${home.path} belongs to root and is not empty; give it to the tool first.`);
  }
  const uid = wanted ?? freeUid(base, tool);
  fchownSync(home.fd, uid, uid);
  fchmodSync(home.fd, homeMode);
  return { uid, gid: uid };
}

/** The same name gets the same uid again, unless another home has it by now. */
function freeUid(base: Opened, tool: Tool): number {
  const taken = new Set(
    readdirSync(`/proc/self/fd/${base.fd}`).map((name) => lstatSync(below(base, name), { throwIfNoEntry: false })?.uid),
  );
  const start = createHash('sha256').update(tool.name).digest().readUInt32BE() % uidCount;
  for (let step = 0; step < uidCount; step++) {
    const uid = firstUid + ((start + step) % uidCount);
    if (!taken.has(uid)) return uid;
  }
  throw new AppError('home.refused', `No uid from ${firstUid} on is free; choose one with --uid.`);
}

function inDirectory(home: Opened, name: string, owner: Owner, use: (directory: Opened) => void): void {
  const made = mkdirUnlessThere(home, name);
  withOpen(openDirectory(home, name), (directory) => {
    if (made) {
      giveTo(directory.fd, owner);
      fchmodSync(directory.fd, privateMode);
    } else if (ownerOf(directory).uid !== owner.uid || directory.stat.dev !== home.stat.dev) {
      throw new WalkError('owner', name);
    }
    use(directory);
  });
}

/** Writes the file beside its place; the function it returns puts it there. */
function prepareFile(directory: Opened, name: string, text: string, mode: number, owner: Owner): () => void {
  const place = below(directory, name);
  const there = lstatSync(place, { throwIfNoEntry: false });
  if (there && !there.isFile()) throw new WalkError(there.isSymbolicLink() ? 'link' : 'not_file', name);
  const beside = below(directory, `.${name}.new`);
  if (lstatSync(beside, { throwIfNoEntry: false })) unlinkSync(beside);
  const fd = openSync(beside, writeFlags, mode);
  try {
    writeFileSync(fd, text);
    fchmodSync(fd, mode);
    giveTo(fd, owner);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return () => renameSync(beside, place);
}

/**
 * By name below an open directory at every level, so that a directory swapped for a link on the way leads nowhere. Names are bytes: not
 * every name a user can make is text.
 */
function removeTree(parent: { readonly fd: number; readonly dev: bigint }, name: Buffer): void {
  const path = Buffer.concat([Buffer.from(`/proc/self/fd/${parent.fd}/`), name]);
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const { dev } = fstatSync(fd, { bigint: true });
    if (dev !== parent.dev) throw new WalkError('device', name.toString());
    for (const entry of readdirSync(`/proc/self/fd/${fd}`, { withFileTypes: true, encoding: 'buffer' })) {
      if (entry.isDirectory()) removeTree({ fd, dev }, entry.name);
      else unlinkSync(Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), entry.name]));
    }
  } finally {
    closeSync(fd);
  }
  rmdirSync(path);
}

function mkdirUnlessThere(parent: Opened, name: string): boolean {
  try {
    mkdirSync(below(parent, name), { mode: privateMode });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Only root can give files away; for anybody else they are the right owner's already, or this fails. */
function giveTo(fd: number, owner: Owner): void {
  const now = fstatSync(fd);
  if (now.uid !== owner.uid || now.gid !== owner.gid) fchownSync(fd, owner.uid, owner.gid);
}

function ownerOf({ stat }: Opened): Owner {
  return { uid: Number(stat.uid), gid: Number(stat.gid) };
}

function withOpen<T>(opened: Opened, use: (opened: Opened) => T): T {
  try {
    return use(opened);
  } finally {
    closeSync(opened.fd);
  }
}

function refusing<T>(tool: Tool, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const isOfSystem = error instanceof Error && 'syscall' in error;
    if (!(error instanceof WalkError || isOfSystem)) throw error;
    const what = isOfSystem ? 'cannot be written' : 'is not safe to write in';
    throw new AppError('home.refused', `The home of '${tool.name}' ${what}: ${error.message}`, { cause: error });
  }
}
