import { describe, expect, it } from 'vitest';
import { createChannel } from '../../../src/server/logs/channel.ts';

describe('a channel', () => {
  it('lets who gives wait until it was taken', async () => {
    const channel = createChannel<number>();
    const done: number[] = [];
    for (const value of [1, 2]) void channel.put(value).then(() => done.push(value));
    const taken = channel[Symbol.asyncIterator]();
    expect(await taken.next()).toEqual({ value: 1, done: false });
    expect(done).toEqual([]);
    expect(await taken.next()).toEqual({ value: 2, done: false });
    expect(done).toEqual([1]);
  });

  it('ends when nobody gives any more, after what was given', async () => {
    const channel = createChannel<number>();
    void channel.put(1);
    channel.end();
    const taken: number[] = [];
    for await (const value of channel) taken.push(value);
    expect(taken).toEqual([1]);
  });

  it('lets nobody wait for a reader who has left', async () => {
    const channel = createChannel<number>();
    const waiting = channel.put(1);
    channel.abort();
    await waiting;
    await channel.put(2);
    expect(await channel[Symbol.asyncIterator]().next()).toEqual({ value: undefined, done: true });
  });
});
