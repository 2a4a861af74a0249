/**
 * The directory of everything the daemon keeps over a restart. One process at a time: two writers of one file would each undo what the other
 * has acknowledged.
 */
import { access, constants, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { AppError } from './errors.ts';
import { unfinished } from './store.ts';

export interface StateDirectory {
  readonly path: string;
  /** Lets the next process have it. */
  close(): Promise<void>;
}

/**
 * Makes the directory where there is none, takes it, and removes what a kill left half written.
 * @throws AppError `settings.invalid` when it cannot be used, or another process uses it
 */
export async function openStateDirectory(path: string): Promise<StateDirectory> {
  let lock: Server;
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const { dev, ino } = await stat(path);
    lock = await takeName(`toolforge-jobs-state-${dev}-${ino}`);
  } catch (cause) {
    const isTaken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    throw new AppError(
      'settings.invalid',
      isTaken
        ? `state_dir ${path} is in use by another process of this service. Stop that one, or give this one a directory of its own.`
        : `state_dir ${path} cannot be used: ${(cause as Error).message}.`,
      { cause },
    );
  }
  await sweep(path);
  return { path, close: () => new Promise((resolve) => lock.close(() => resolve())) };
}

/**
 * A name the kernel gives to one process of the machine and takes back at its end, however that comes (unix(7), abstract sockets): unlike
 * a file it leaves nothing behind that has to be judged dead or alive. Between machines it means nothing; there the Lease decides.
 */
function takeName(name: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy());
    server.once('error', reject);
    server.listen({ path: `\0${name}` }, () => {
      server.unref();
      resolve(server);
    });
  });
}

async function sweep(path: string): Promise<void> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (entry.isFile() && entry.name.endsWith(unfinished))
      await rm(join(entry.parentPath, entry.name), { force: true });
  }
}
