import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openStateDirectory } from '../src/state-directory.ts';
import { type BuiltDoor, buildProgram } from './support/build-door.ts';

let program: BuiltDoor;
let directory: string;
beforeAll(async () => {
  program = await buildProgram('test/support/state-writer.ts');
});
afterAll(() => program.remove());
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'state-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('the state directory', () => {
  it('is made where there is none', async () => {
    const path = join(directory, 'a', 'b');
    await (await openStateDirectory(path)).close();
    expect(await readdir(path)).toEqual([]);
  });

  it('belongs to one at a time', async () => {
    const first = await openStateDirectory(directory);
    await expect(openStateDirectory(directory)).rejects.toMatchObject({
      code: 'settings.invalid',
      message: expect.stringContaining('in use by another process'),
    });
    await first.close();
    await (await openStateDirectory(directory)).close();
  });

  it('is waited for while another one has it, and no longer once nobody wants it any more', async () => {
    const first = await openStateDirectory(directory);
    const next = openStateDirectory(directory, { patienceMs: 60_000 });
    const stopping = new AbortController();
    const stopped = openStateDirectory(directory, { patienceMs: 60_000, signal: stopping.signal });
    stopping.abort();
    await expect(stopped).rejects.toBe(stopping.signal.reason);
    await first.close();
    await (await next).close();
  });

  it('says why it cannot be used', async () => {
    await writeFile(join(directory, 'file'), '');
    for (const path of [join(directory, 'file'), join(directory, 'file', 'below')]) {
      await expect(openStateDirectory(path)).rejects.toMatchObject({
        code: 'settings.invalid',
        message: expect.stringMatching(/^state_dir .* cannot be used: E/),
      });
    }
  });
});

/** Writes until `count` writes were acknowledged, is killed, and tells the last acknowledged number. */
async function killAfter(count: number): Promise<number> {
  const child: ChildProcess = spawn(process.execPath, [program.path, directory], { stdio: ['ignore', 'pipe', 2] });
  let said = '';
  child.stdout?.on('data', (part: Buffer) => {
    said += part.toString();
    if (said.split('\n').length > count) child.kill('SIGKILL');
  });
  await once(child, 'close');
  expect(child.signalCode).toBe('SIGKILL');
  expect(said).not.toContain('bad');
  return Number(said.split('\n').at(-2));
}

describe('a process killed while it writes', () => {
  it('loses nothing it has acknowledged, leaves no rubbish, and the next one takes over at once', async () => {
    let last = 0;
    for (const count of [1, 2, 3, 5, 8, 13]) {
      const acknowledged = await killAfter(count);
      expect(acknowledged).toBeGreaterThan(last);
      const { count: found } = JSON.parse(await readFile(join(directory, 'a', 'b.json'), 'utf8')) as { count: number };
      expect(found).toBeGreaterThanOrEqual(acknowledged);
      last = found;
      await (await openStateDirectory(directory)).close();
      expect(await readdir(join(directory, 'a'))).toEqual(['b.json']);
    }
  });
});
