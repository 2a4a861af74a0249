import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../src/errors.ts';
import { type FileFollower, followFiles } from '../src/file-follower.ts';
import { createLog } from '../src/log.ts';

let follower: FileFollower;
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(async () => {
  await follower.stop();
  vi.useRealTimers();
});

function start() {
  const disk = { text: 'first', isGone: false };
  const applied: string[] = [];
  const lines: string[] = [];
  follower = followFiles({
    what: 'the files',
    first: { text: 'first' },
    async read() {
      if (disk.isGone) throw new AppError('settings.invalid', 'it cannot be read');
      return { text: disk.text };
    },
    apply({ text }) {
      if (text.startsWith('bad')) throw new AppError('settings.invalid', `${text} cannot be used`);
      applied.push(text);
    },
    log: createLog({ level: 'info', stream: { write: (line) => void lines.push(JSON.parse(line).msg) } }),
  });
  return { disk, applied, lines };
}

const look = () => vi.advanceTimersByTimeAsync(5_000);

describe('files that others replace', () => {
  it('are in force within five seconds of being replaced, and are left alone otherwise', async () => {
    const { disk, applied } = start();
    await look();
    disk.text = 'second';
    await look();
    await look();
    expect(applied).toEqual(['second']);
  });

  it('are in force at once where somebody asks for a look', async () => {
    const { disk, applied } = start();
    disk.text = 'second';
    await follower.look();
    expect(applied).toEqual(['second']);
  });

  it('that cannot be used change nothing, which is said once when it has lasted', async () => {
    const { disk, applied, lines } = start();
    disk.text = 'bad';
    await look();
    expect([lines, follower.problem()]).toEqual([[], 'bad cannot be used']);
    for (let count = 0; count < 5; count += 1) await look();
    expect(lines).toEqual(['the files: what is on disk cannot be used; the former stays in force']);
    disk.text = 'good';
    await look();
    expect([applied, follower.problem()]).toEqual([['good'], undefined]);
  });

  it('that are replaced one after the other are nobody’s business in between', async () => {
    const { disk, lines } = start();
    disk.text = 'bad for a moment';
    await look();
    disk.text = 'second';
    await look();
    expect(lines).toEqual(['the files: what is new on disk is in force']);
  });

  it('that are gone change nothing', async () => {
    const { disk, applied } = start();
    disk.isGone = true;
    await look();
    await look();
    expect([applied, follower.problem()]).toEqual([[], 'it cannot be read']);
    disk.isGone = false;
    await look();
    expect(follower.problem()).toBeUndefined();
  });
});
