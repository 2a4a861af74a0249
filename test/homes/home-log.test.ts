import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Tool } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import { tailLog } from '../../src/homes/home-log.ts';
import { createHomes, type Homes } from '../../src/homes/homes.ts';
import { createLog } from '../../src/log.ts';
import { type BuiltDoor, buildReader } from '../support/build-door.ts';
import { type Homes as Directories, homeUid, isRoot, makeHomes } from '../support/homes.ts';

const alpha = Tool.of('alpha');
const canary = 'VICTIM-CANARY';
let reader: BuiltDoor;
let directories: Directories;
let homes: Homes;
let home: string;

beforeAll(async () => {
  reader = await buildReader();
  directories = makeHomes();
  homes = createHomes({
    base: directories.base,
    mount: '/data/project',
    reader: { program: reader.path },
    log: createLog({ level: 'silent' }),
  });
});
afterAll(async () => {
  await homes.stop();
  directories.remove();
  await reader.remove();
});
beforeEach(() => {
  directories.clear();
  home = directories.addHome('alpha');
  directories.addHome('victim', isRoot ? 50_666 : homeUid);
});

function write(name: string, text: string | Buffer, uid = homeUid, mode = 0o644): string {
  const path = join(home, name);
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
  if (isRoot) chownSync(path, uid, uid);
  return path;
}

const tail = (lines: number, maxBytes = 1024 * 1024) =>
  tailLog(directories.base, 'alpha', ['a.out'], { lines, maxBytes }).bytes.toString();

describe('the last lines of a file', () => {
  it.each([
    ['nothing of an empty file', '', 5, ''],
    ['all of a short file', 'one\ntwo\n', 5, 'one\ntwo\n'],
    ['as many as were asked for', 'one\ntwo\nthree\n', 2, 'two\nthree\n'],
    ['a last line without its end', 'one\ntwo\nthree', 2, 'two\nthree'],
    ['empty lines, which count', 'one\n\n\n', 2, '\n\n'],
    ['no line', 'one\n', 0, ''],
    ['one line that is the file', 'one', 1, 'one'],
  ])('are %s', (_what, text, lines, expected) => {
    write('a.out', text);
    expect(tail(lines)).toBe(expected);
  });

  it('are found over the borders of blocks, wherever these fall', () => {
    const block = 64 * 1024;
    for (const length of [block - 1, block, block + 1, 2 * block - 1, 2 * block, 2 * block + 1]) {
      for (const rest of ['b\n', 'b', '\n']) {
        write('a.out', `first\n${'a'.repeat(length - rest.length - 1)}\n${rest}`);
        expect(tail(1)).toBe(rest);
        expect(tail(2)).toBe(`${'a'.repeat(length - rest.length - 1)}\n${rest}`);
      }
    }
  });

  it('are the same as those counted from the front, for many sizes', () => {
    const lines = Array.from({ length: 5_000 }, (_, at) => `${at} ${'ü'.repeat((at * 7) % 90)}`);
    write('a.out', `${lines.join('\n')}\n`);
    for (const count of [1, 2, 499, 500, 4_999, 5_000, 6_000])
      expect(tail(count)).toBe(`${lines.slice(-count).join('\n')}\n`);
  });

  it('are only as many as fit, from the beginning of a line', () => {
    write('a.out', 'one\ntwo\nthree\n');
    expect(tail(3, 8)).toBe('three\n');
    write('a.out', 'ü'.repeat(10));
    expect(tail(3, 9)).toBe('ü'.repeat(4));
  });
});

describe('a file that is followed', () => {
  const place = async () => (await homes.tailLog(alpha, ['a.out'], 0))?.next ?? { file: '', offset: 0 };

  it('gives what was appended, and nothing when nothing was', async () => {
    const path = write('a.out', 'one\n');
    const first = await place();
    appendFileSync(path, 'two\n');
    const part = await homes.readLog(alpha, ['a.out'], first);
    expect(part).toMatchObject({ change: null, next: { ...first, offset: 8 } });
    expect(part?.bytes.toString()).toBe('two\n');
    expect((await homes.readLog(alpha, ['a.out'], { ...first, offset: 8 }))?.bytes).toHaveLength(0);
  });

  it('is read from its beginning when it was emptied or replaced, and says so', async () => {
    const path = write('a.out', 'one\ntwo\n');
    const first = await place();
    truncateSync(path);
    appendFileSync(path, 'new\n');
    const emptied = await homes.readLog(alpha, ['a.out'], first);
    expect(emptied).toMatchObject({ change: 'truncated', next: { offset: 4 } });
    renameSync(path, `${path}.1`);
    expect(await homes.readLog(alpha, ['a.out'], first)).toBeUndefined();
    write('a.out', 'other\n');
    const replaced = await homes.readLog(alpha, ['a.out'], { ...first, offset: 4 });
    expect(replaced?.change).toBe('replaced');
    expect(replaced?.bytes.toString()).toBe('other\n');
  });

  it('gives a quarter of a MiB at most at a time', async () => {
    write('a.out', 'x'.repeat(300_000));
    const part = await homes.readLog(alpha, ['a.out'], { ...(await place()), offset: 0 });
    expect(part?.bytes).toHaveLength(262_144);
  });

  it('can be as large as it likes: only its end is read', async () => {
    const path = write('a.out', '');
    truncateSync(path, 10 * 1024 ** 3);
    appendFileSync(path, '\nlast\n');
    expect((await homes.tailLog(alpha, ['a.out'], 1))?.bytes.toString()).toBe('last\n');
  });
});

describe('a path to a log', () => {
  const refusal = async (...names: string[]) =>
    homes.tailLog(alpha, names, 10).then(
      (part) => (part === undefined ? 'missing' : `read ${part.bytes.toString()}`),
      (error: unknown) => (error instanceof AppError ? `${error.code} ${error.fields?.rule}` : String(error)),
    );

  it('may lead through directories', async () => {
    mkdirSync(join(home, 'logs/old'), { recursive: true });
    write('logs/old/a.out', 'deep\n');
    expect(await refusal('logs', 'old', 'a.out')).toBe('read deep\n');
    expect(await refusal('logs', 'none', 'a.out')).toBe('missing');
  });

  it('follows no link, at no step', async () => {
    const secret = join(directories.base, 'victim/secret.out');
    writeFileSync(secret, canary);
    mkdirSync(join(directories.base, 'victim/logs'));
    writeFileSync(join(directories.base, 'victim/logs/a.out'), canary);
    symlinkSync(secret, join(home, 'absolute.out'));
    symlinkSync('../victim/secret.out', join(home, 'relative.out'));
    symlinkSync('/dev/zero', join(home, 'zero.out'));
    symlinkSync('../victim/logs', join(home, 'logs'));
    for (const name of ['absolute.out', 'relative.out', 'zero.out'])
      expect(await refusal(name)).toBe('home.refused link');
    expect(await refusal('logs', 'a.out')).toBe('home.refused not_directory');
  });

  it('never leads upward or out, whatever its names are', async () => {
    writeFileSync(join(directories.base, 'victim/secret.out'), canary);
    for (const names of [['..', 'victim', 'secret.out'], ['../victim/secret.out'], ['.'], [''], ['a\0b'], []])
      expect(await refusal(...names)).toBe('home.refused bad_name');
  });

  it('leads to an ordinary file, not to a pipe or a directory, and is answered at once', async () => {
    spawnSync('mkfifo', [join(home, 'pipe.out')]);
    mkdirSync(join(home, 'directory.out'));
    expect(await refusal('pipe.out')).toBe('home.refused not_file');
    expect(await refusal('directory.out')).toBe('home.refused not_file');
  });

  it.runIf(isRoot)('shows what the owner of the home may read, and nothing that only root may', async () => {
    write('theirs.out', canary, 50_666, 0o600);
    write('shared.out', 'shared\n', 50_666, 0o644);
    const secret = join(directories.base, 'victim/secret.out');
    writeFileSync(secret, canary, { mode: 0o600 });
    chownSync(secret, 50_666, 50_666);
    linkSync(secret, join(home, 'hard.out'));
    expect(await refusal('theirs.out')).toBe('home.refused unreadable');
    expect(await refusal('hard.out')).toBe('home.refused unreadable');
    expect(await refusal('shared.out')).toBe('read shared\n');
    // And it is root again afterwards: the key of the tool is another user's business.
    directories.addPair('alpha', 'cert', 'key');
    expect((await homes.credentials(alpha)).key.toString()).toBe('key');
    unlinkSync(secret);
  });
});
