/**
 * The directory of everything the daemon keeps over a restart. One process at a time: two writers of one file would each undo what the other
 * has acknowledged.
 */
import { access, constants, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { AppError } from './errors.ts';
import { unfinished } from './store.ts';

export interface StateDirectory {
  readonly path: string;
  /** Lets the next process have it. */
  close(): Promise<void>;
}

/**
 * Makes the directory where there is none, takes it, and removes what a kill left half written.
 * @param patienceMs how long to wait for a process that uses it; unset: not at all
 * @param signal ends the waiting
 * @throws the reason of the signal; AppError `settings.invalid` when it cannot be used, or another process uses it
 */
export async function openStateDirectory(
  path: string,
  { patienceMs = 0, signal }: { readonly patienceMs?: number; readonly signal?: AbortSignal } = {},
): Promise<StateDirectory> {
  let lock: Server;
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const { dev, ino } = await stat(path);
    lock = await takeNameSoon(`toolforge-jobs-state-${dev}-${ino}`, patienceMs, signal);
  } catch (cause) {
    signal?.throwIfAborted();
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

const lookMs = 250;

async function takeNameSoon(name: string, patienceMs: number, signal?: AbortSignal): Promise<Server> {
  const end = performance.now() + patienceMs;
  for (;;) {
    try {
      return await takeName(name);
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || performance.now() >= end) throw error;
      await pause(lookMs, undefined, signal ? { signal } : {});
    }
  }
}

/**
 * A name the kernel gives to one process of the machine and takes back at its end, however that comes (unix(7), abstract sockets): unlike
 * a file it leaves nothing behind that has to be judged dead or alive. Between machines, and between containers with networks of their own, it
 * means nothing; there the Lease decides.
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
