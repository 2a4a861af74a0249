/** Time that a test moves by itself, for worlds with thousands of timers: the next one is found at once, and nothing waits for real. */

export interface HeapClock {
  now(): number;
  setTimeout(run: () => void, delayMs: number): number;
  clearTimeout(id: number): void;
  /** Moves on by so much, running what is due in its order, and all that follows from it at once. */
  pass(ms: number): Promise<void>;
}

interface Timer {
  readonly id: number;
  readonly at: number;
  readonly run: () => void;
}

export function createHeapClock(began: number): HeapClock {
  let now = began;
  let lastId = 0;
  const heap: Timer[] = [];
  const cleared = new Set<number>();
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

  function isBefore(one: Timer, other: Timer): boolean {
    return one.at < other.at || (one.at === other.at && one.id < other.id);
  }

  function swap(one: number, other: number): void {
    [heap[one], heap[other]] = [heap[other] as Timer, heap[one] as Timer];
  }

  function push(timer: Timer): void {
    heap.push(timer);
    for (let at = heap.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!isBefore(heap[at] as Timer, heap[parent] as Timer)) return;
      swap(at, parent);
      at = parent;
    }
  }

  function pop(): Timer {
    swap(0, heap.length - 1);
    const first = heap.pop() as Timer;
    for (let at = 0; ; ) {
      const children = [2 * at + 1, 2 * at + 2].filter((child) => child < heap.length);
      const least = children.reduce(
        (best, child) => (isBefore(heap[child] as Timer, heap[best] as Timer) ? child : best),
        at,
      );
      if (least === at) return first;
      swap(at, least);
      at = least;
    }
  }

  return {
    now: () => now,
    setTimeout(run, delayMs) {
      lastId += 1;
      push({ id: lastId, at: now + Math.max(0, delayMs), run });
      return lastId;
    },
    clearTimeout: (id) => void cleared.add(id),
    async pass(ms) {
      const end = now + ms;
      await settled();
      while (heap[0] && heap[0].at <= end) {
        const { id, at, run } = pop();
        if (cleared.delete(id)) continue;
        now = Math.max(now, at);
        run();
        if (heap[0]?.at !== at) await settled();
      }
      now = end;
      await settled();
    },
  };
}
