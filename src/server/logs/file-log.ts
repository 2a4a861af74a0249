/** The log of one file in the home: without times, in its own order. */
import type { Tool } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import type { Homes } from '../../homes/homes.ts';
import { createLineCutter, type LineCutter } from './line-cutter.ts';
import { type LogLine, noteOf } from './log-line.ts';
import { rest } from './pod-log.ts';

export interface LogFile {
  readonly tool: Tool;
  /** Below the home. */
  readonly names: readonly string[];
  readonly stream: 'stdout' | 'stderr' | 'both';
}

export type LogFiles = Pick<Homes, 'tailLog' | 'readLog'>;

/** Where reading goes on. */
export interface FileEnd {
  readonly place: { readonly file: string; readonly offset: number } | undefined;
  /** Holds the last line as long as it has no end. */
  readonly cutter: LineCutter;
}

export interface FileTail extends FileEnd {
  readonly lines: LogLine[];
  /** Whether there is such a file. */
  readonly exists: boolean;
}

const pollMs = 1_000;
/** Other machines write to the home: what they wrote last may be seen a little later than the end of the job. */
const quietReads = 2;

/**
 * The last lines of a file; none where it was last written to before `since`: which of its lines came after it nobody knows.
 * @throws AppError `home.unavailable`, `home.refused`
 */
export async function tailFile(
  files: LogFiles,
  file: LogFile,
  { lines, since, follow }: { lines: number; since: string | undefined; follow: boolean },
): Promise<FileTail> {
  const part = await files.tailLog(file.tool, file.names, lines);
  const cutter = createLineCutter();
  if (!part) return { lines: [], place: undefined, cutter, exists: false };
  const isOld = since !== undefined && part.writtenAt <= Date.parse(`${since.slice(0, 23)}Z`);
  const texts = isOld ? [] : cutter.push(part.bytes);
  if (!follow) texts.push(...cutter.flush());
  return { lines: texts.map((text) => fileLine(file, text, part.writtenAt)), place: part.next, cutter, exists: true };
}

export interface FollowFile {
  readonly files: LogFiles;
  readonly file: LogFile;
  readonly from: FileEnd;
  /** Whether nobody writes to it any more. */
  isOver(): boolean;
  put(lines: readonly LogLine[]): Promise<void>;
  now(): number;
  readonly signal: AbortSignal;
}

/** Gives what is appended, looking once a second: a home is on another machine, which tells nobody. */
export async function followFile({ files, file, from, isOver, put, now, signal }: FollowFile): Promise<void> {
  const { cutter } = from;
  let { place } = from;
  let quiet = 0;
  const say = (texts: readonly string[]) =>
    texts.length > 0 ? put(texts.map((text) => fileLine(file, text, now()))) : undefined;

  while (!signal.aborted && quiet < quietReads) {
    const wasOver = isOver();
    const part = await files.readLog(file.tool, file.names, place ?? nowhere).catch(unlessPassing);
    if (part instanceof AppError) return void (await put([note(file, part.message, now())]));
    if (part?.change && place) {
      await say(cutter.flush());
      await put([note(file, words[part.change], now())]);
    }
    if (part) place = part.next;
    await say(cutter.push(part?.bytes ?? nothing));
    const isMore = (part?.bytes.length ?? 0) > 0;
    quiet = wasOver && !isMore ? quiet + 1 : 0;
    if (!isMore) await rest(pollMs, signal);
  }
  await say(cutter.flush());
}

const nothing = Buffer.alloc(0);
const nowhere = { file: '', offset: 0 };
const words = {
  truncated: 'the file was emptied or cut; what follows is read from its beginning',
  replaced: 'there is another file under this name; what follows is read from its beginning',
};

/** A home that does not answer is asked again; a file that is refused will be refused again. */
function unlessPassing(error: unknown): undefined | AppError {
  if (error instanceof AppError && error.code === 'home.unavailable') return undefined;
  if (error instanceof AppError) return error;
  throw error;
}

function fileLine({ names, stream }: LogFile, message: string, aroundMs: number): LogLine {
  return { origin: names.join('/'), source: 'file', stream, at: undefined, aroundMs, message };
}

function note({ names, stream }: LogFile, text: string, aroundMs: number): LogLine {
  return noteOf(names.join('/'), stream, text, aroundMs);
}
