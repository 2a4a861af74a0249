import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Kube } from '../../src/kube.ts';
import { createPools } from '../../src/server/pools.ts';

const closed: string[] = [];
const pool = (name: string) => ({ kube: { close: async () => void closed.push(name) } as unknown as Kube });

beforeEach(() => {
  closed.length = 0;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => vi.useRealTimers());

describe('pools', () => {
  it('let the least recently used go when there are too many', () => {
    const pools = createPools({ maxPools: 2, idleMs: 1_000_000, retireMs: 100 });
    for (const name of ['a', 'b']) pools.put(name, pool(name));
    pools.get('a');
    pools.put('c', pool('c'));
    expect(pools.get('b')).toBeUndefined();
    expect(pools.size).toBe(2);
    vi.advanceTimersByTime(100);
    expect(closed).toEqual(['b']);
  });

  it('close what was replaced only after a while', () => {
    const pools = createPools({ maxPools: 2, idleMs: 1_000_000, retireMs: 100 });
    pools.put('a', pool('old'));
    pools.put('a', pool('new'));
    vi.advanceTimersByTime(99);
    expect(closed).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(closed).toEqual(['old']);
  });

  it('let go what nobody used for a while', () => {
    const pools = createPools({ maxPools: 9, idleMs: 1_000, retireMs: 0 });
    pools.put('a', pool('a'));
    pools.put('b', pool('b'));
    vi.advanceTimersByTime(900);
    pools.get('b');
    vi.advanceTimersByTime(600);
    expect(closed).toEqual(['a']);
    expect(pools.size).toBe(1);
  });

  it('close everything at the end, also what was about to be', async () => {
    const pools = createPools({ maxPools: 9, idleMs: 1_000, retireMs: 100 });
    pools.put('a', pool('old'));
    pools.put('a', pool('new'));
    await pools.close();
    expect(closed.sort()).toEqual(['new', 'old']);
    vi.advanceTimersByTime(10_000);
    expect(closed).toHaveLength(2);
  });
});
