/** Ends of a connection that nobody announces: the peer that is gone without a word. */
import type { Clock } from './clock.ts';

export interface Silence {
  /** A byte came. Cheap enough for each one. */
  heard(): void;
  end(): void;
}

/** Calls `onSilence` once nothing was heard for `limitMs`. One sleeping timer, however many bytes come. */
export function watchSilence(clock: Clock, limitMs: number, onSilence: () => void): Silence {
  let heardAt = clock.steadyMs();
  let cancel = clock.after(limitMs, check);
  function check(): void {
    const leftMs = heardAt + limitMs - clock.steadyMs();
    if (leftMs <= 0) onSilence();
    else cancel = clock.after(leftMs, check);
  }
  return {
    heard() {
      heardAt = clock.steadyMs();
    },
    end: () => cancel(),
  };
}

export interface Cut {
  readonly signal: AbortSignal;
  abort(why: Error): void;
  end(): void;
}

/** An abort of its own for each connection, which `stop` aborts too. AbortSignal.any would leave something behind at `stop` each time. */
export function createCut(stop: AbortSignal): Cut {
  const controller = new AbortController();
  const abort = () => controller.abort(stop.reason);
  if (stop.aborted) abort();
  stop.addEventListener('abort', abort);
  return {
    signal: controller.signal,
    abort: (why) => controller.abort(why),
    end: () => stop.removeEventListener('abort', abort),
  };
}
