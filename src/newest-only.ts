/**
 * Values that come faster than they can be taken: the newest is handed on, at most once in a time, and those before it are let go. For the
 * edits of the ConfigMaps that live-settings.ts and live-images.ts keep in force.
 */

export interface NewestOnly<Value> {
  /** Handed on at once where that is allowed, otherwise when it is, unless a newer one has come by then. */
  offer(value: Value): void;
  /** What waits is let go. */
  stop(): void;
}

/** @param everyMs at most one in this time @param take must not throw */
export function newestOnly<Value>(everyMs: number, take: (value: Value) => void): NewestOnly<Value> {
  let waiting: { readonly value: Value } | undefined;
  let takenAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  function handOn(): void {
    timer = undefined;
    if (!waiting) return;
    const { value } = waiting;
    waiting = undefined;
    takenAt = performance.now();
    take(value);
  }

  return {
    offer(value) {
      waiting = { value };
      if (timer !== undefined) return;
      const restMs = takenAt + everyMs - performance.now();
      if (restMs <= 0) handOn();
      else timer = setTimeout(handOn, restMs);
    },
    stop() {
      clearTimeout(timer);
      waiting = undefined;
    },
  };
}
