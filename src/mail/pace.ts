/** How fast mail goes out, all tools together: first come, first served, so many in each stretch of time. */

export interface Pace {
  /** Resolves when one more mail may go out. @throws the signal's reason when it aborts first */
  turn(signal: AbortSignal): Promise<void>;
  /** To be called when settings have changed: who waits already goes by the new ones. */
  replan(): void;
  stop(): void;
}

export interface PaceOptions {
  /** Asked at the moment of use. */
  settings(): { readonly paceMails: number; readonly paceMs: number };
  /** Ms that never jump. Unset: the system's. */
  readonly steadyMs?: () => number;
  /** Calls `run` once after so many ms; what it gives back takes that back. Unset: the system's timers. */
  readonly after?: (delayMs: number, run: () => void) => () => void;
}

export function createPace({ settings, steadyMs = () => performance.now(), after = later }: PaceOptions): Pace {
  /** When the last ones went, oldest first: no more than one stretch holds. */
  let gone: number[] = [];
  const waiting = new Set<() => void>();
  let cancel = () => {};

  function pump(): void {
    cancel();
    const { paceMails, paceMs } = settings();
    const now = steadyMs();
    gone = gone.filter((at) => at > now - paceMs);
    for (const go of waiting) {
      if (gone.length >= paceMails) break;
      gone.push(now);
      waiting.delete(go);
      go();
    }
    if (waiting.size === 0) return;
    // The first of the last `paceMails` has to be a stretch ago.
    const oldest = gone.at(-paceMails) ?? now;
    cancel = after(Math.max(1, oldest + paceMs - now), pump);
  }

  return {
    turn: (signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const leave = () => {
          waiting.delete(go);
          reject(signal.reason as Error);
        };
        const go = () => {
          signal.removeEventListener('abort', leave);
          resolve();
        };
        signal.addEventListener('abort', leave, { once: true });
        waiting.add(go);
        pump();
      }),
    replan: pump,
    stop: () => cancel(),
  };
}

function later(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}
