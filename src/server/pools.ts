/** Connections kept by tool: the least recently used goes when there are too many, an unused one after a while. Closing is always gentle. */
import type { Kube } from '../kube.ts';

export interface PoolsOptions {
  readonly maxPools: number;
  readonly idleMs: number;
  /** Whoever was handed a connection may still be about to use it: so long after it was replaced it is closed. */
  readonly retireMs: number;
}

export interface Pools<T extends { readonly kube: Kube }> {
  /** Marks it as used. */
  get(name: string): T | undefined;
  /** Replaces, and retires, what was there. */
  put(name: string, pool: T): void;
  drop(name: string): void;
  /** Those that are kept now. */
  all(): readonly T[];
  /** Drops all. */
  clear(): void;
  readonly size: number;
  close(): Promise<void>;
}

export function createPools<T extends { readonly kube: Kube }>({ maxPools, idleMs, retireMs }: PoolsOptions): Pools<T> {
  /** In order of last use, oldest first. */
  const pools = new Map<string, { pool: T; usedAt: number }>();
  const retired = new Map<Kube, NodeJS.Timeout>();
  const sweeper = setInterval(dropIdle, Math.max(1, Math.min(idleMs / 4, 60_000)));
  sweeper.unref();

  function dropIdle(): void {
    const before = performance.now() - idleMs;
    for (const [name, { usedAt }] of pools) if (usedAt < before) drop(name);
  }

  function drop(name: string): void {
    const entry = pools.get(name);
    if (!entry) return;
    pools.delete(name);
    const { kube } = entry.pool;
    const timer = setTimeout(() => {
      retired.delete(kube);
      void kube.close();
    }, retireMs);
    timer.unref();
    retired.set(kube, timer);
  }

  function clear(): void {
    for (const name of [...pools.keys()]) drop(name);
  }

  return {
    get(name) {
      const entry = pools.get(name);
      if (!entry) return undefined;
      pools.delete(name);
      pools.set(name, { pool: entry.pool, usedAt: performance.now() });
      return entry.pool;
    },
    put(name, pool) {
      drop(name);
      pools.set(name, { pool, usedAt: performance.now() });
      for (const oldest of pools.keys()) {
        if (pools.size <= maxPools) break;
        drop(oldest);
      }
    },
    drop,
    all: () => [...pools.values()].map(({ pool }) => pool),
    clear,
    get size() {
      return pools.size;
    },
    async close() {
      clearInterval(sweeper);
      clear();
      const kubes = [...retired.keys()];
      for (const timer of retired.values()) clearTimeout(timer);
      retired.clear();
      await Promise.all(kubes.map((kube) => kube.close()));
    },
  };
}
