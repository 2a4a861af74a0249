import { access, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Tool } from '../src/domain.ts';
import { runFilePath } from '../src/run-file.ts';
import { sweepRuns } from '../src/run-sweep.ts';
import { spreadOf } from '../src/store.ts';

const alpha = Tool.of('alpha');
const oldest = Date.parse('2026-03-01T12:00:00Z');
let directory: string;
let forgotten: string[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sweep-'));
  forgotten = [];
});
afterEach(() => rm(directory, { recursive: true }));

/** Last written to so long after the oldest record that is kept. */
async function put(job: string, afterMs: number, runs: unknown = [{}]): Promise<string> {
  const path = runFilePath(directory, alpha, job) as string;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, typeof runs === 'string' ? runs : JSON.stringify({ runs }));
  const at = new Date(oldest + afterMs);
  await utimes(path, at, at);
  return path;
}

const sweep = (number = Number.parseInt(spreadOf('alpha'), 16), busy: readonly string[] = []) =>
  sweepRuns({
    directory,
    number,
    oldest,
    isBusy: (path) => busy.includes(path),
    onForgotten: (tool, job) => void forgotten.push(`${tool.name}/${job}`),
  });
const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

describe('records that nobody writes to any more', () => {
  it('go when the last of them is too old, and what else is kept of the job with them', async () => {
    const [old, fresh] = [await put('old', -1_000), await put('fresh', 1_000)];
    await sweep();
    expect([await isThere(old), await isThere(fresh), forgotten]).toEqual([false, true, ['alpha/old']]);
  });

  it('stay while another of the 256 directories is looked through', async () => {
    const old = await put('old', -1_000);
    await sweep(Number.parseInt(spreadOf('alpha'), 16) ^ 1);
    expect(await isThere(old)).toBe(true);
  });

  it('stay where somebody is about to write to them', async () => {
    const old = await put('old', -1_000);
    await sweep(undefined, [old]);
    expect([await isThere(old), forgotten]).toEqual([true, []]);
  });

  it('stay where there are none: when a bot last did well is worth knowing', async () => {
    const [bot, odd] = [await put('bot', -1_000, []), await put('odd', -1_000, 'no JSON')];
    await sweep();
    expect([await isThere(bot), await isThere(odd)]).toEqual([true, true]);
  });

  it('are no trouble where there is no directory yet', async () => {
    await rm(directory, { recursive: true });
    await mkdir(directory);
    await sweep();
    expect(forgotten).toEqual([]);
  });
});
