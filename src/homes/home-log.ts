/**
 * What is read of a log file in a home: its last lines, and what was appended since. Runs in bin/home-reader.ts. The names of the path are
 * walked below the home one by one, without following a link, and the file is read as the owner of the home: what that one may not read,
 * nobody is shown.
 */
import { closeSync, fstatSync, readSync } from 'node:fs';
import { asOwner } from './as-owner.ts';
import { type Opened, openDirectory, openFile, WalkError, withHome } from './home-walk.ts';

/** How far a file was read: which file it was, and the offset of the next byte. */
export interface LogPlace {
  readonly file: string;
  readonly offset: number;
}

export interface LogPart {
  /** Where the bytes end. */
  readonly next: LogPlace;
  readonly bytes: Buffer;
  /** When the file was last written to, ms since the epoch. */
  readonly writtenAt: number;
  /** Since the place that was asked for: another file has its name, or the file is shorter than it was. It is read from its beginning. */
  readonly change: 'replaced' | 'truncated' | null;
}

const blockBytes = 64 * 1024;
const newline = 0x0a;

/**
 * The last lines, as far as they fit: from the beginning of a line, unless a single one is too long. Read backwards in blocks.
 * @param names the path below the home, e.g. `['logs', 'bot.out']`
 * @throws WalkError `missing` when there is no such file; `link`, `not_file`, `device`, `owner`, `unreadable` …
 */
export function tailLog(
  base: string,
  tool: string,
  names: readonly string[],
  { lines, maxBytes }: { lines: number; maxBytes: number },
): LogPart {
  return withLogFile(base, tool, names, ({ fd }, file) => {
    const { size, mtimeMs } = fstatSync(fd);
    const bytes = readBackwards(fd, size, lines, maxBytes);
    return { next: { file, offset: size }, bytes, writtenAt: mtimeMs, change: null };
  });
}

/** What follows a place, at most `maxBytes`. @throws WalkError as tailLog */
export function readLog(
  base: string,
  tool: string,
  names: readonly string[],
  place: LogPlace,
  maxBytes: number,
): LogPart {
  return withLogFile(base, tool, names, ({ fd }, file) => {
    const { size, mtimeMs } = fstatSync(fd);
    const change = file !== place.file ? 'replaced' : size < place.offset ? 'truncated' : null;
    const from = change ? 0 : place.offset;
    const bytes = readAt(fd, from, Math.min(maxBytes, size - from));
    return { next: { file, offset: from + bytes.length }, bytes, writtenAt: mtimeMs, change };
  });
}

function withLogFile<T>(base: string, tool: string, names: readonly string[], use: (file: Opened, id: string) => T): T {
  return withHome(base, tool, (home) =>
    asOwner(home.stat, (isOwner) => {
      const file = openBelow(home, names);
      try {
        judgeLog(file, home, isOwner);
        return use(file, `${file.stat.dev.toString(36)}.${file.stat.ino.toString(36)}`);
      } finally {
        closeSync(file.fd);
      }
    }),
  );
}

function openBelow(home: Opened, names: readonly string[]): Opened {
  const name = names.at(-1);
  if (name === undefined || !names.every(isName)) throw new WalkError('bad_name', 'log');
  let directory = home;
  try {
    for (const next of names.slice(0, -1)) {
      const opened = openDirectory(directory, next, 'log');
      if (directory !== home) closeSync(directory.fd);
      directory = opened;
    }
    return openFile(directory, name, 'log');
  } finally {
    if (directory !== home) closeSync(directory.fd);
  }
}

function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
}

/** Who could not become the owner reads what is the owner's, and nothing else: a second name may lead to somebody else's file. */
function judgeLog({ stat }: Opened, home: Opened, isOwner: boolean): void {
  if (!stat.isFile()) throw new WalkError('not_file', 'log');
  if (stat.dev !== home.stat.dev) throw new WalkError('device', 'log');
  if (!isOwner && stat.uid !== home.stat.uid) throw new WalkError('owner', 'log');
}

/** @returns from the beginning of the last `lines` lines, or of the first whole one within `maxBytes`, to the end */
function readBackwards(fd: number, size: number, lines: number, maxBytes: number): Buffer {
  if (lines === 0) return Buffer.alloc(0);
  const blocks: Buffer[] = [];
  const first = Math.max(0, size - maxBytes);
  // The line end at the very end ends the last line and begins none.
  let wanted = lines;
  let end = size;
  while (end > first) {
    const start = Math.max(first, end - blockBytes);
    const block = readAt(fd, start, end - start);
    let at = end === size && block.at(-1) === newline ? block.length - 1 : block.length;
    while (wanted > 0 && at > 0) {
      at = block.lastIndexOf(newline, at - 1);
      if (at < 0) break;
      wanted -= 1;
    }
    blocks.unshift(wanted === 0 ? block.subarray(at + 1) : block);
    if (wanted === 0) return Buffer.concat(blocks);
    end = start;
  }
  const all = Buffer.concat(blocks);
  return first === 0 ? all : fromLineStart(all);
}

function fromLineStart(bytes: Buffer): Buffer {
  const at = bytes.indexOf(newline);
  if (at >= 0 && at < bytes.length - 1) return bytes.subarray(at + 1);
  // One line, whose beginning does not fit: not from the middle of a character.
  let start = 0;
  while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return bytes.subarray(start);
}

/** What is there; less where the file has become shorter meanwhile. */
function readAt(fd: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(Math.max(0, length));
  let done = 0;
  while (done < buffer.length) {
    const count = readSync(fd, buffer, done, buffer.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return buffer.subarray(0, done);
}
