/** A lock file with its owner's pid and birth: others wait while the owner lives, and take over when it is dead. */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { birthOf, isAlive } from './processes.ts';
import { type Progress, silent } from './progress.ts';

/** Runs `work` while holding the lock; says once whom it waits for. The lock is given back whatever happens. */
export async function withLock<T>(path: string, work: () => Promise<T>, progress: Progress = silent): Promise<T> {
  const mine = await acquire(path, progress);
  try {
    return await work();
  } finally {
    if (read(path) === mine) rmSync(path, { force: true });
  }
}

async function acquire(path: string, progress: Progress): Promise<string> {
  mkdirSync(dirname(path), { recursive: true });
  // The random part tells two waits of one process apart.
  const mine = JSON.stringify({ pid: process.pid, born: birthOf(process.pid), id: Math.random() });
  let announced: string | undefined;
  while (!create(path, mine)) {
    const holder = read(path);
    if (holder === undefined) continue;
    if (!isOwnerAlive(holder)) {
      removeStale(path, holder);
      continue;
    }
    if (announced !== holder) progress(`waiting for process ${JSON.parse(holder).pid}, which holds ${path}`);
    announced = holder;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return mine;
}

/** A link appears with its content in one step, where an exclusive open would show an empty file for a moment. */
function create(path: string, content: string): boolean {
  const own = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  writeFileSync(own, content);
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function isOwnerAlive(content: string): boolean {
  try {
    return isAlive(JSON.parse(content) as { pid: number; born: string });
  } catch {
    return false;
  }
}

/** Renamed before it is removed: of two who saw the same dead owner one may have a fresh lock in hand, and puts it back. */
function removeStale(path: string, stale: string): void {
  const aside = `${path}.stale.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    renameSync(path, aside);
    if (read(aside) !== stale) linkSync(aside, path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
  }
  rmSync(aside, { force: true });
}
