/**
 * How much one tool may ask: requests per second (a token bucket that holds one second's worth, at least ten) and requests at once. Over the
 * second limit requests wait, a few per tool and briefly; whenever a place becomes free the tools take turns, so one tool's flood costs the
 * others at most one place in the queue. State of idle tools is dropped.
 */
import { AppError } from '../errors.ts';

/** Values of the moment; asked at every use. */
export interface Limits {
  requestsPerSecondPerTool(): number;
  requestsAtOncePerTool(): number;
  requestsAtOnce(): number;
}

export interface Limiter {
  /**
   * Calls exactly one of the two, at once or within `maxWaitMs`: `start` with a function that gives the place back (idempotent), or `refuse`
   * with `caller.too_many`.
   * @returns a function that gives up waiting, where the caller has to wait; without effect once one of the two was called
   */
  enter(tool: string, start: (leave: () => void) => void, refuse: (error: AppError) => void): (() => void) | undefined;
  /** For metrics and tests. */
  counts(): { readonly running: number; readonly waiting: number; readonly tools: number };
}

interface Waiting {
  readonly start: (leave: () => void) => void;
  readonly timer: NodeJS.Timeout;
}

interface ToolState {
  running: number;
  tokens: number;
  filledAt: number;
  readonly waiting: Set<Waiting>;
}

const maxWaitingPerTool = 32;
const maxWaitMs = 2000;
const minBurst = 10;
const sweepMs = 30_000;

/** @param now ms on a clock that never goes back */
export function createLimiter(limits: Limits, now: () => number = () => performance.now()): Limiter {
  const tools = new Map<string, ToolState>();
  /** Tools with somebody waiting, in turn. */
  const queue = new Set<ToolState>();
  let running = 0;
  let sweptAt = now();
  let seen = placesNow();

  function stateOf(tool: string): ToolState {
    const at = now();
    if (at - sweptAt > sweepMs) sweep(at);
    let state = tools.get(tool);
    if (!state) {
      state = { running: 0, tokens: burst(), filledAt: at, waiting: new Set() };
      tools.set(tool, state);
    }
    state.tokens = Math.min(burst(), state.tokens + ((at - state.filledAt) / 1000) * limits.requestsPerSecondPerTool());
    state.filledAt = at;
    return state;
  }

  function placesNow(): { overall: number; perTool: number } {
    return { overall: limits.requestsAtOnce(), perTool: limits.requestsAtOncePerTool() };
  }

  /** Where there are more places than at the last look, those who wait come first. */
  function look(): void {
    const before = seen;
    seen = placesNow();
    if (seen.overall > before.overall || seen.perTool > before.perTool) startWaiting();
  }

  const burst = () => Math.max(minBurst, limits.requestsPerSecondPerTool());
  const hasRoom = (state: ToolState) =>
    running < limits.requestsAtOnce() && state.running < limits.requestsAtOncePerTool();

  /** A bucket untouched this long is full again, so forgetting it changes nothing. */
  function sweep(at: number): void {
    sweptAt = at;
    for (const [tool, state] of tools) {
      if (state.running === 0 && state.waiting.size === 0 && at - state.filledAt > sweepMs) tools.delete(tool);
    }
  }

  function begin(state: ToolState, start: Waiting['start']): void {
    running++;
    state.running++;
    let left = false;
    start(() => {
      if (left) return;
      left = true;
      running--;
      state.running--;
      startWaiting();
    });
  }

  function startWaiting(): void {
    for (const state of queue) {
      if (running >= limits.requestsAtOnce()) return;
      if (!hasRoom(state)) continue;
      const [next] = state.waiting;
      queue.delete(state);
      if (!next) continue;
      stopWaiting(state, next);
      if (state.waiting.size > 0) queue.add(state);
      begin(state, next.start);
    }
  }

  function stopWaiting(state: ToolState, one: Waiting): boolean {
    clearTimeout(one.timer);
    const wasWaiting = state.waiting.delete(one);
    if (state.waiting.size === 0) queue.delete(state);
    return wasWaiting;
  }

  function wait(state: ToolState, start: Waiting['start'], refuse: (error: AppError) => void): () => void {
    const timer = setTimeout(() => {
      if (stopWaiting(state, one)) refuse(tooMany(1));
    }, maxWaitMs);
    const one = { start, timer };
    state.waiting.add(one);
    queue.add(state);
    return () => {
      stopWaiting(state, one);
    };
  }

  return {
    enter(tool, start, refuse) {
      look();
      const state = stateOf(tool);
      if (state.tokens < 1) {
        refuse(tooMany((1 - state.tokens) / limits.requestsPerSecondPerTool()));
      } else if (state.waiting.size === 0 && hasRoom(state)) {
        state.tokens--;
        begin(state, start);
      } else if (state.waiting.size >= maxWaitingPerTool) {
        refuse(tooMany(1));
      } else {
        state.tokens--;
        return wait(state, start, refuse);
      }
      return undefined;
    },
    counts: () => ({
      running,
      waiting: [...queue].reduce((sum, state) => sum + state.waiting.size, 0),
      tools: tools.size,
    }),
  };
}

function tooMany(retryAfterSeconds: number): AppError {
  return new AppError('caller.too_many', 'The tool has sent more requests than its share. Try again in a moment.', {
    retryAfterSeconds: Math.max(1, Math.ceil(retryAfterSeconds)),
  });
}
