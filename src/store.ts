/**
 * One durable JSON file behind lowdb. What write() has acknowledged survives a kill and a power cut; a write that fails leaves the former
 * state; a file that cannot be read is set aside and reported, never deleted and never fatal. The only file that knows lowdb, whose own
 * adapter never asks the disk whether anything has arrived.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Adapter, Low } from 'lowdb';

/** How a file under way to its name ends; what a kill leaves of it is swept at the next start (state-directory.ts). */
export const unfinished = '.new';
const ours = randomBytes(4).toString('hex');

/** Each process has its own: one of another machine that wakes up late must not write into what is about to take its place. */
export function unfinishedOf(path: string): string {
  return `${path}.${ours}${unfinished}`;
}

/** The directory that the files of a tool are in: the tools spread over 256. @example spreadOf('alpha') -> '8e' */
export function spreadOf(tool: string): string {
  return createHash('sha256').update(tool).digest('hex').slice(0, 2);
}

export interface DurableFileOptions<T> {
  readonly path: string;
  /** Takes nothing on trust: version, shape, owner. @throws where the value cannot be used */
  parse(value: unknown): T;
  /** Asked in the last moment; a write that may not be fails. Unset: it always may. */
  readonly mayWrite?: (() => boolean) | undefined;
  /** A file could not be used and is kept under another name. */
  onBad(keptAs: string, cause: unknown): void;
}

interface Batch {
  text: string;
  readonly settled: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

/** One instance for a file at a time. */
export class DurableFile<T> implements Adapter<T> {
  readonly #options: DurableFileOptions<T>;
  /** What the next commit takes with it. */
  #next: Batch | undefined;
  #isPumping = false;

  constructor(options: DurableFileOptions<T>) {
    this.#options = options;
  }

  /** @returns null where there is no file, or none that can be used */
  async read(): Promise<T | null> {
    const { path, parse, onBad } = this.#options;
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (text === null) return null;
    try {
      return parse(JSON.parse(text));
    } catch (cause) {
      const keptAs = `${path}.corrupt-${Date.now()}`;
      await rename(path, keptAs).catch(ignoreAbsence);
      onBad(keptAs, cause);
      return null;
    }
  }

  /** Resolves when this state or a newer one is on disk. What comes while one is written waits together. */
  write(value: T): Promise<void> {
    const text = JSON.stringify(value);
    if (this.#next) {
      this.#next.text = text;
      return this.#next.settled;
    }
    const next = newBatch(text);
    this.#next = next;
    if (!this.#isPumping) void this.#pump();
    return next.settled;
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    for (let batch = this.#next; batch; batch = this.#next) {
      // Whatever is written in this very moment still goes along.
      await Promise.resolve();
      this.#next = undefined;
      await this.#commit(batch.text).then(batch.resolve, batch.reject);
    }
    this.#isPumping = false;
  }

  async #commit(text: string): Promise<void> {
    const { path } = this.#options;
    const fresh = unfinishedOf(path);
    try {
      await writeThrough(fresh, text);
      // Another process may be at work here by now, and know better.
      if (this.#options.mayWrite?.() === false) throw new Error('This process may not write here any more.');
      await rename(fresh, path);
    } catch (error) {
      // A disk that is full needs the room, and the former state is untouched.
      await rm(fresh, { force: true }).catch(() => {});
      throw error;
    }
    // Without it a power cut may take the renaming back.
    await syncDirectory(dirname(path));
  }
}

/** A file as lowdb shows it: `data` is what was read, or `empty`; after changes to it write() makes them durable. */
export async function openDurable<T>(options: DurableFileOptions<T>, empty: T): Promise<Low<T>> {
  const low = new Low(new DurableFile(options), empty);
  await low.read();
  return low;
}

/** The value of a file that somebody else may be writing. @returns undefined as DurableFile.read() does */
export async function readDurable<T>(options: DurableFileOptions<T>): Promise<T | undefined> {
  return (await new DurableFile(options).read()) ?? undefined;
}

function newBatch(text: string): Batch {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const settled = new Promise<void>((ok, no) => {
    resolve = ok;
    reject = no;
  });
  return { text, settled, resolve, reject };
}

async function writeThrough(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    await makeDirectory(dirname(path));
    return open(path, 'w', 0o600);
  });
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Every directory that had to be made is an entry in another one. */
async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function ignoreAbsence(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
