import { once } from 'node:events';
import { chown, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backUp, restore } from '../../../bin/admin/backup.ts';
import type { AppError } from '../../../src/errors.ts';
import { createLog } from '../../../src/log.ts';
import { openStateDirectory } from '../../../src/state-directory.ts';
import { DurableFile } from '../../../src/store.ts';
import { homeUid, isRoot } from '../../support/homes.ts';
import { awkwardState, readState, writeState } from '../../support/state-content.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'backup-'));
});
afterEach(() => rm(root, { recursive: true }));

const now = Date.parse('2026-03-01T12:00:00Z');
const state = () => join(root, 'state');
const file = () => join(root, 'jobs.backup');

async function put(path: string, value: unknown): Promise<void> {
  const options = { path: join(state(), path), parse: (found: unknown) => found, onBad: () => {} };
  await new DurableFile(options).write(value);
}

async function fill(): Promise<void> {
  await put('mail/ab/alpha.json', { v: 1, tool: 'alpha' });
  await put('runs/ab/alpha/daily.job.json', { v: 1, runs: [] });
  await put('mail-log/ab/alpha.json', { v: 1 });
  await put('settings.json', { v: 1, map: null });
  await put('checkpoint.json', { v: 1, at: 7 });
  await writeFile(join(state(), 'mail/ab/beta.json.corrupt-1'), 'damaged');
  await writeFile(join(state(), 'mail/ab/gamma.json.1234.new'), 'half');
}

const linesOf = async () =>
  gunzipSync(await readFile(file()))
    .toString('utf8')
    .trim()
    .split('\n');
const refusal = (asked: Promise<unknown>) =>
  asked.then(
    () => 'done',
    ({ code, message }: AppError) => `${code}: ${message}`,
  );

describe('a backup', () => {
  it('holds every file of the state, the checkpoint before those that it promises, and nothing else', async () => {
    await fill();
    expect(await backUp(state(), file(), now)).toMatchObject({ files: 5 });
    const paths = (await linesOf()).map((line) => JSON.parse(line).path).filter(Boolean);
    expect(paths).toEqual([
      'checkpoint.json',
      'mail-log/ab/alpha.json',
      'mail/ab/alpha.json',
      'runs/ab/alpha/daily.job.json',
      'settings.json',
    ]);
    expect((await stat(file())).mode & 0o777).toBe(0o600);
  });

  it('is of whole files while they are written all the time, and never of a checkpoint that is ahead of a mailbox', async () => {
    await fill();
    await put('checkpoint.json', { v: 1, at: 0 });
    let isOver = false;
    const broken: unknown[] = [];
    const writing = (async () => {
      for (let at = 1; !isOver; at += 1) {
        await put('mail/ab/alpha.json', { v: 1, at, filler: 'x'.repeat(20_000) });
        await put('checkpoint.json', { v: 1, at });
      }
    })();
    for (let round = 0; round < 20; round += 1) {
      await backUp(state(), file(), now);
      const kept = new Map((await linesOf()).map((line) => [JSON.parse(line).path, JSON.parse(line).text]));
      const [mailbox, checkpoint] = ['mail/ab/alpha.json', 'checkpoint.json'].map(
        (path) => JSON.parse(kept.get(path)).at ?? 0,
      );
      if (!(mailbox >= checkpoint)) broken.push([mailbox, checkpoint]);
    }
    isOver = true;
    await writing;
    expect(broken).toEqual([]);
  });

  it('cannot be made of a directory that is not there, or into one', async () => {
    expect(await refusal(backUp(join(root, 'nowhere'), file(), now))).toMatch(
      /^file\.invalid: The state directory .* cannot be read/,
    );
    await fill();
    expect(await refusal(backUp(state(), join(root, 'no/such/file'), now))).toMatch(
      /^file\.invalid: .* cannot be written/,
    );
  });
});

describe('a restore', () => {
  it('puts every file back, and what was there aside', async () => {
    await fill();
    await backUp(state(), file(), now);
    await put('mail/ab/alpha.json', { v: 1, later: true });
    await put('mail/cd/later.json', { v: 1 });
    const done = await restore(file(), state(), now);
    expect(done).toMatchObject({
      files: 5,
      made: '2026-03-01T12:00:00.000Z',
      aside: join(state(), 'before-20260301120000'),
    });
    expect(JSON.parse(await readFile(join(state(), 'mail/ab/alpha.json'), 'utf8'))).toEqual({ v: 1, tool: 'alpha' });
    expect((await readdir(join(state(), 'mail'))).sort()).toEqual(['ab']);
    expect(JSON.parse(await readFile(join(state(), 'before-20260301120000/mail/cd/later.json'), 'utf8'))).toEqual({
      v: 1,
    });
    expect((await readdir(state())).sort()).toEqual([
      'before-20260301120000',
      'checkpoint.json',
      'mail',
      'mail-log',
      'runs',
      'settings.json',
    ]);
  });

  it('leaves out nothing that a daemon keeps', async () => {
    const log = createLog({ level: 'silent' });
    await writeState(state(), awkwardState, log);
    await backUp(state(), file(), now);
    const other = join(root, 'other');
    await restore(file(), other, now);
    expect(await readState(other, awkwardState, log)).toEqual(awkwardState);
  });

  it('fills a directory that is not there yet', async () => {
    await fill();
    await backUp(state(), file(), now);
    const other = join(root, 'other');
    expect((await restore(file(), other, now)).aside).toBeUndefined();
    expect(JSON.parse(await readFile(join(other, 'checkpoint.json'), 'utf8'))).toEqual({ v: 1, at: 7 });
  });

  it('of a daemon that had nothing to keep leaves nothing', async () => {
    await mkdir(state());
    await backUp(state(), file(), now);
    await put('settings.json', { v: 1 });
    expect((await restore(file(), state(), now)).files).toBe(0);
    expect(await readdir(state())).toEqual(['before-20260301120000']);
  });

  it('is refused while a daemon uses the directory', async () => {
    await fill();
    await backUp(state(), file(), now);
    const daemon = await openStateDirectory(state());
    expect(await refusal(restore(file(), state(), now))).toMatch(/^settings\.invalid: .* is in use by another process/);
    await daemon.close();
  });

  it('is refused while a daemon in a container of this machine uses the directory', async () => {
    await fill();
    await backUp(state(), file(), now);
    await mkdir(join(state(), 'operators'));
    const daemon = createServer();
    await once(daemon.listen(join(state(), 'operators/door')), 'listening');
    expect(await refusal(restore(file(), state(), now))).toMatch(/^settings\.invalid: .* is in use by a daemon/);
    await once(daemon.close(), 'close');
    expect(await restore(file(), state(), now)).toMatchObject({ files: 5 });
  });

  it.runIf(isRoot)('by root is of whoever owns the directory', async () => {
    await fill();
    await backUp(state(), file(), now);
    await chown(state(), homeUid, homeUid);
    await restore(file(), state(), now);
    for (const path of ['checkpoint.json', 'mail', 'mail/ab', 'mail/ab/alpha.json'])
      expect(await stat(join(state(), path))).toMatchObject({ uid: homeUid, gid: homeUid });
  });

  it.each<[string, (lines: string[]) => string[]]>([
    ['lacks its end', (lines) => lines.slice(0, -1)],
    ['lacks a file', (lines) => lines.toSpliced(2, 1)],
    ['was changed', (lines) => lines.map((line) => line.replace('alpha', 'alphb'))],
    ['is something else', () => ['{"a":1}']],
    ['is no JSON', () => ['hello']],
    ['goes on after its end', (lines) => [...lines, '{"path":"settings.json","text":"{}"}']],
    ['names a path above', (lines) => [...lines.slice(0, 1), '{"path":"../evil.json","text":"{}"}', ...lines.slice(1)]],
    [
      'names an absolute path',
      (lines) => [...lines.slice(0, 1), '{"path":"/etc/evil.json","text":"{}"}', ...lines.slice(1)],
    ],
    ['hides a step up', (lines) => [...lines.slice(0, 1), '{"path":"mail/../x.json","text":"{}"}', ...lines.slice(1)]],
    [
      'holds what is no state',
      (lines) => [...lines.slice(0, 1), '{"path":"operators/door","text":""}', ...lines.slice(1)],
    ],
  ])('touches nothing where the file %s', async (_, change) => {
    await fill();
    await backUp(state(), file(), now);
    await writeFile(file(), gzipSync(`${change(await linesOf()).join('\n')}\n`));
    const before = await readdir(state(), { recursive: true });
    expect(await refusal(restore(file(), state(), now))).toMatch(/^file\.invalid: /);
    expect(await readdir(state(), { recursive: true })).toEqual(before);
  });

  it('touches nothing where the file is cut off', async () => {
    await fill();
    await backUp(state(), file(), now);
    await truncate(file(), (await stat(file())).size - 20);
    expect(await refusal(restore(file(), state(), now))).toMatch(/^file\.invalid: /);
    expect(await refusal(restore(join(root, 'none'), state(), now))).toMatch(/^file\.invalid: /);
  });
});
