import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { atMost, timeLimited } from '../src/time-limit.ts';
import { collectGarbage } from './support/garbage.ts';

describe('a time limit', () => {
  it('ends what takes too long, though nobody else holds on to it and garbage is collected meanwhile', async () => {
    const forever = new AbortController().signal;
    const reason = new Promise((resolve) => {
      const limited = timeLimited(forever, 50);
      limited.addEventListener('abort', () => resolve(limited.reason));
    });
    // Within one turn of the event loop nothing that was held weakly is taken away.
    await nextTurn();
    collectGarbage();
    expect(await reason).toMatchObject({ name: 'TimeoutError' });
  });

  it('is not waited for when something else ends it', async () => {
    const stop = new AbortController();
    const limited = timeLimited(stop.signal, 60_000);
    const aborted = once(limited, 'abort');
    stop.abort(new Error('stopped'));
    await aborted;
    expect(limited.reason).toMatchObject({ message: 'stopped' });
    expect(timeLimited(stop.signal, 60_000).aborted).toBe(true);
  });
});

describe('work with a time limit', () => {
  it('is waited for as long as it takes, and no longer than the limit', async () => {
    vi.useFakeTimers();
    const ends: string[] = [];
    let finish = () => {};
    const work = new Promise<void>((resolve) => {
      finish = resolve;
    });
    void atMost(work, 5_000).then(() => ends.push('short'));
    void atMost(work, 60_000).then(() => ends.push('long'));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(ends).toEqual(['short']);
    finish();
    await vi.advanceTimersByTimeAsync(0);
    expect([ends, vi.getTimerCount()]).toEqual([['short', 'long'], 0]);
    vi.useRealTimers();
  });

  it('that fails is told', async () => {
    await expect(atMost(Promise.reject(new Error('no')), 1_000)).rejects.toThrow('no');
  });
});
