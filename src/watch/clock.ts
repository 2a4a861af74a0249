/** Time as the watches see it, in one place so that tests can hold it still. */

export interface Clock {
  /** Milliseconds since the epoch: what people are shown. */
  wallMs(): number;
  /** Milliseconds that never jump: what deadlines are counted in. */
  steadyMs(): number;
  /** Calls `run` once after `delayMs`; the function it returns takes that back. */
  after(delayMs: number, run: () => void): () => void;
}

export function createClock(): Clock {
  return {
    wallMs: () => Date.now(),
    steadyMs: () => performance.now(),
    after(delayMs, run) {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
  };
}

/** Resolves after `delayMs`, at once where that is 0, and at once when `signal` aborts. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || delayMs <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(delayMs, end);
    signal.addEventListener('abort', end);
  });
}

/** Lets everything else that waits have its turn. */
export function yieldTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
