import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DurableFile, openDurable, readDurable, unfinishedOf } from '../src/store.ts';

interface Value {
  readonly v: 1;
  readonly text: string;
}

let directory: string;
let path: string;
let bad: { keptAs: string; cause: unknown }[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'store-'));
  path = join(directory, 'one.json');
  bad = [];
});
afterEach(() => rm(directory, { recursive: true }));

function parse(value: unknown): Value {
  if ((value as Value).v !== 1) throw new Error('another version');
  return value as Value;
}

const options = () => ({
  path,
  parse,
  onBad: (keptAs: string, cause: unknown) => void bad.push({ keptAs, cause }),
});
const file = () => new DurableFile<Value>(options());
const value = (text: string): Value => ({ v: 1, text });
const onDisk = async () => JSON.parse(await readFile(path, 'utf8')) as Value;

describe('a durable file', () => {
  it('is nothing before it was written, and what was written afterwards', async () => {
    expect(await file().read()).toBeNull();
    await file().write(value('a'));
    expect(await file().read()).toEqual(value('a'));
    expect(await readDurable(options())).toEqual(value('a'));
    expect(await readdir(directory)).toEqual(['one.json']);
  });

  it('can be read by its owner only, in directories made for its owner only', async () => {
    path = join(directory, 'deep', 'down', 'one.json');
    for (const text of ['a', 'b']) await file().write(value(text));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, 'deep'))).mode & 0o777).toBe(0o700);
  });

  it('has each state on disk, or a newer one, when its write resolves', async () => {
    const one = file();
    const seen = await Promise.all(
      Array.from({ length: 50 }, async (_, at) => {
        if (at > 10) await new Promise(setImmediate);
        await one.write(value(String(at)));
        return [at, Number((await onDisk()).text)] as const;
      }),
    );
    for (const [at, found] of seen) expect(found).toBeGreaterThanOrEqual(at);
    expect((await onDisk()).text).toBe('49');
  });

  it('writes what comes during a write together', async () => {
    const one = file();
    const [first, second, third] = ['a', 'b', 'c'].map((text) => one.write(value(text)));
    expect(second).toBe(first);
    expect(third).toBe(first);
    await first;
    expect(await onDisk()).toEqual(value('c'));
  });

  it('keeps the former state when a write fails, and goes on afterwards', async () => {
    const one = file();
    await one.write(value('a'));
    // A full disk: every byte written to this device is refused.
    await symlink('/dev/full', unfinishedOf(path));
    await expect(one.write(value('b'))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await onDisk()).toEqual(value('a'));
    expect(await readdir(directory)).toEqual(['one.json']);
    await one.write(value('c'));
    expect(await onDisk()).toEqual(value('c'));
  });

  it('leaves alone what another process has half written', async () => {
    const others = `${path}.0badcafe.new`;
    await writeFile(others, 'half');
    await file().write(value('a'));
    expect([await onDisk(), await readFile(others, 'utf8')]).toEqual([value('a'), 'half']);
  });

  it('settles each batch with what became of it', async () => {
    const one = file();
    await symlink('/dev/full', unfinishedOf(path));
    const failing = one.write(value('a'));
    failing.catch(() => {});
    await Promise.resolve();
    await Promise.resolve();
    const following = one.write(value('b'));
    await expect(failing).rejects.toMatchObject({ code: 'ENOSPC' });
    await following;
    expect(await onDisk()).toEqual(value('b'));
  });

  it('says so where its directory cannot be had', async () => {
    await writeFile(join(directory, 'taken'), '');
    path = join(directory, 'taken', 'one.json');
    await expect(file().write(value('a'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    path = join(directory, 'dir.json');
    await mkdir(path);
    await expect(file().read()).rejects.toMatchObject({ code: 'EISDIR' });
  });

  it.each([
    ['empty', ''],
    ['cut off', '{"v":1,"text":"a'],
    ['of another version', '{"v":2}'],
    ['no object', 'null'],
  ])('sets a file aside that is %s', async (_, text) => {
    await writeFile(path, text);
    const { data } = await openDurable(options(), value('empty'));
    expect(data).toEqual(value('empty'));
    expect(bad).toHaveLength(1);
    expect(bad[0]?.keptAs).toMatch(/one\.json\.corrupt-\d+$/);
    expect(await readFile(bad[0]?.keptAs ?? '', 'utf8')).toBe(text);
    expect(await readdir(directory)).toHaveLength(1);
  });
});
