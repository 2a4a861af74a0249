import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from './lock.ts';
import { birthOf } from './processes.ts';

describe('withLock', () => {
  let directory: string;
  let path: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tfj-lock-'));
    path = join(directory, 'some', 'lock');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('lets one at a time through and leaves no file', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 5 }, () => withLock(path, work)));
    expect(most).toBe(1);
    expect(existsSync(path)).toBe(false);
  });

  it('is given back when the work fails', async () => {
    await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withLock(path, async () => 'free')).toBe('free');
  });

  it('waits for a living owner and says for whom, and takes over when it is dead', async () => {
    const owner = spawn('sleep', ['600']);
    const lines: string[] = [];
    await withLock(path, async () => {});
    writeFileSync(path, JSON.stringify({ pid: owner.pid, born: birthOf(owner.pid ?? 0), id: 1 }));
    let entered = false;
    const waiting = withLock(
      path,
      async () => {
        entered = true;
      },
      (line) => lines.push(line),
    );
    await expect.poll(() => lines.length).toBe(1);
    expect([entered, lines[0]]).toEqual([false, `waiting for process ${owner.pid}, which holds ${path}`]);
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    await waiting;
    expect(entered).toBe(true);
  });

  it('does not take a process with a reused pid for the owner', async () => {
    await withLock(path, async () => {});
    writeFileSync(path, JSON.stringify({ pid: process.pid, born: 'another boot/1', id: 1 }));
    expect(await withLock(path, async () => 'taken over')).toBe('taken over');
  });
});
