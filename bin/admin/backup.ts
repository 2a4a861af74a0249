/**
 * The state directory in one file, made while the daemon works, and put back while none does.
 *
 * Every file of the directory is replaced by renaming, so each is whole whenever it is read; they are not all of one moment. The checkpoint is
 * read first: it promises that everything up to it is in the mailboxes and the records, and those are read later, so that a backup never
 * promises more than it holds. What they hold beyond it is heard again after a restore and recognised.
 *
 * A line of JSON for each file, gzipped, with a line before and after: nothing in it can be a link, a mode or a path to elsewhere.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chown, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { StringDecoder } from 'node:string_decoder';
import { createGunzip, createGzip } from 'node:zlib';
import { AppError } from '../../src/errors.ts';
import { recordAt, textAt } from '../../src/fields.ts';
import { openStateDirectory } from '../../src/state-directory.ts';
import { isAtDoor } from './operators-door.ts';

export interface BackedUp {
  readonly files: number;
  readonly bytes: number;
}

const format = 1;
const first = 'checkpoint.json';
/** Of the names that the daemon gives; what was set aside, and what is half written, is none of its state. */
const directories = ['fences', 'former', 'mail', 'mail-log', 'output', 'runs', 'webhook-events', 'webhooks'];
const statePath = new RegExp(`^([a-z-]+\\.json|(${directories.join('|')})(/[A-Za-z0-9._-]{1,255}){1,3}\\.json)$`);

/** @throws AppError `file.invalid` where the directory cannot be read or the file not written; then there is none */
export async function backUp(stateDir: string, file: string, now: number): Promise<BackedUp> {
  const paths = await statePaths(stateDir);
  let [files, bytes] = [0, 0];
  async function* lines(): AsyncGenerator<string> {
    const hash = createHash('sha256');
    const line = (value: object) => {
      const text = `${JSON.stringify(value)}\n`;
      hash.update(text);
      return text;
    };
    yield line({ toolforge_jobs_backup: format, made: new Date(now).toISOString() });
    for (const path of paths) {
      const text = await readUnlessGone(join(stateDir, path));
      if (text === undefined) continue;
      files += 1;
      bytes += Buffer.byteLength(text);
      yield line({ path, text });
    }
    yield `${JSON.stringify({ files, sha256: hash.digest('hex') })}\n`;
  }
  const unfinished = `${file}.new`;
  try {
    const target = await open(unfinished, 'w', 0o600);
    await pipeline(lines, createGzip(), target.createWriteStream({ flush: true }));
    await rename(unfinished, file);
  } catch (cause) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw cause instanceof AppError ? cause : invalid(`${file} cannot be written.`, cause);
  }
  return { files, bytes };
}

/** The checkpoint first, then the rest in the order of their names. */
async function statePaths(stateDir: string): Promise<string[]> {
  const found = await readdir(stateDir, { recursive: true }).catch((cause: unknown) => {
    throw invalid(`The state directory ${stateDir} cannot be read.`, cause);
  });
  const paths = found.filter((path) => statePath.test(path)).sort();
  return [...paths.filter((path) => path === first), ...paths.filter((path) => path !== first)];
}

async function readUnlessGone(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw invalid(`${path} cannot be read.`, error);
  });
}

export interface Restored extends BackedUp {
  /** When the backup was made. */
  readonly made: string;
  /** Where what was there before lies now; undefined where there was nothing. */
  readonly aside: string | undefined;
}

/**
 * All of the backup is looked at before anything is touched; what was there is put aside, in the directory itself.
 * @throws AppError `file.invalid` for what is no whole backup, or where there is no room for it; `settings.invalid` while a daemon uses the directory
 */
export async function restore(file: string, stateDir: string, now: number): Promise<Restored> {
  const { made, files } = await readBackup(file);
  const directory = await openStateDirectory(stateDir);
  try {
    // Whoever works in a container of this machine holds the directory by a name that is none out here (src/state-directory.ts).
    if (await isAtDoor(stateDir))
      throw new AppError('settings.invalid', `state_dir ${stateDir} is in use by a daemon. Stop it first.`);
    const stamp = new Date(now)
      .toISOString()
      .replace(/[^0-9]/g, '')
      .slice(0, 14);
    const [fresh, aside] = [`restoring-${stamp}`, `before-${stamp}`].map((name) => join(stateDir, name)) as [
      string,
      string,
    ];
    try {
      await mkdir(fresh, { mode: 0o700 });
      for (const { path, text } of files) await writeDurably(join(fresh, path), text);
      await giveToOwnerOf(stateDir, fresh);
    } catch (cause) {
      await rm(fresh, { recursive: true, force: true });
      throw invalid(`${stateDir} cannot be written; what it holds is as it was.`, cause);
    }
    const old = (await readdir(stateDir)).filter((name) => /^[a-z-]+\.json$/.test(name) || directories.includes(name));
    if (old.length > 0) await mkdir(aside, { mode: 0o700 });
    for (const name of old) await rename(join(stateDir, name), join(aside, name));
    for (const name of await readdir(fresh)) await rename(join(fresh, name), join(stateDir, name));
    await rm(fresh, { recursive: true, force: true });
    const bytes = files.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    return { files: files.length, bytes, made, aside: old.length > 0 ? aside : undefined };
  } finally {
    await directory.close();
  }
}

interface Kept {
  readonly path: string;
  readonly text: string;
}

async function readBackup(file: string): Promise<{ made: string; files: Kept[] }> {
  const hash = createHash('sha256');
  const files: Kept[] = [];
  let made: string | undefined;
  let end: unknown;
  const take = (text: string) => {
    const line: unknown = JSON.parse(text);
    if (end !== undefined) throw new Error('it goes on after its end');
    if (made === undefined) {
      if (recordAt(line).toolforge_jobs_backup !== format) throw new Error('it is of another kind');
      made = textAt(line, 'made') ?? '';
    } else if (recordAt(line).sha256 !== undefined) {
      end = line;
      return;
    } else files.push(keptOf(line));
    hash.update(`${text}\n`);
  };
  try {
    await pipeline(createReadStream(file), createGunzip(), async (source: AsyncIterable<Buffer>) => {
      for await (const text of linesOf(source)) take(text);
    });
  } catch (cause) {
    throw invalid(
      `${file} is no backup that can be used: ${cause instanceof Error ? cause.message : String(cause)}.`,
      cause,
    );
  }
  if (made === undefined || textAt(end, 'sha256') !== hash.digest('hex') || recordAt(end).files !== files.length)
    throw invalid(`${file} is not whole.`);
  return { made, files };
}

async function* linesOf(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of source) {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') throw new Error('it ends within a line');
}

function keptOf(line: unknown): Kept {
  const [path, text] = [textAt(line, 'path') ?? '', recordAt(line).text];
  if (!statePath.test(path) || path.split('/').some((part) => part.startsWith('.')) || typeof text !== 'string')
    throw new Error(`it holds a file that is none of the state: ${JSON.stringify(path)}`);
  return { path, text };
}

async function writeDurably(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Root may do this for a daemon that is not root. */
async function giveToOwnerOf(stateDir: string, directory: string): Promise<void> {
  const [{ uid, gid }, now] = [await stat(stateDir), await stat(directory)];
  if (now.uid === uid) return;
  await chown(directory, uid, gid);
  for (const path of await readdir(directory, { recursive: true })) await chown(join(directory, path), uid, gid);
}

function invalid(message: string, cause?: unknown): AppError {
  return new AppError('file.invalid', message, cause === undefined ? {} : { cause });
}
