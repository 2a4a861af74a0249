/** The socket of a front: whoever can write to it can say who calls, so it lies in a directory that only we and the front's group can enter. */
import { chmod, chown, lstat, mkdir, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { AppError } from '../../errors.ts';

/** Bits that must be off: writing by the group, anything by others. */
const forbiddenBits = 0o027;
const directoryMode = 0o750;

/**
 * Listens with mode 0660 and the group of the directory, which is made where it is missing; a socket left by a daemon that is gone is removed.
 * @throws AppError `settings.invalid` when the directory is open to others, or the path is in use or no socket
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  const directory = dirname(path);
  await makeDirectory(directory);
  const { gid } = await checkDirectory(directory);
  await removeLeftover(path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // The socket is bound before listen() returns, so no moment passes in which it has a wider mode.
    const before = process.umask(0o117);
    try {
      server.listen(path, resolve);
    } finally {
      process.umask(before);
    }
  });
  await chmod(path, 0o660);
  await chown(path, -1, gid).catch((cause: unknown) => {
    throw refused(`The socket '${path}' cannot be given to the group of its directory.`, cause);
  });
}

/** In a volume that is the group's, as those of pods are, it is the group's too: a directory above says so by its mode (mkdir(2), "S_ISGID"). */
async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: directoryMode });
    await chmod(directory, directoryMode);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw refused(`The directory '${directory}' of the socket cannot be made.`, cause);
  }
}

async function checkDirectory(directory: string): Promise<{ gid: number }> {
  const found = await lstat(directory).catch((cause: unknown) => {
    throw refused(`The directory '${directory}' of the socket cannot be looked at.`, cause);
  });
  const ours = found.uid === 0 || found.uid === process.geteuid?.();
  if (!found.isDirectory() || !ours || (found.mode & forbiddenBits) !== 0) {
    throw refused(`'${directory}' must be a directory of root or the daemon's user with mode 0750 or stricter.`);
  }
  return found;
}

async function removeLeftover(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket()) throw refused(`'${path}' exists and is not a socket.`);
  if (await answers(path)) throw refused(`Somebody listens on '${path}' already.`);
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function refused(message: string, cause?: unknown): AppError {
  return new AppError('settings.invalid', message, cause === undefined ? {} : { cause });
}
