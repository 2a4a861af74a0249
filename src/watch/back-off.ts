/** How long to wait before the API server is asked again. */
import { AppError } from '../errors.ts';
import { kubeStatusOf } from '../kube.ts';

const firstMs = 500;
const answeredCapMs = 30_000;
/** Nobody answered, so nobody is spared by waiting longer; and the view is to be back within 5 s after the API server is. */
const unansweredCapMs = 2_000;
const retryAfterCapMs = 120_000;

export interface BackOff {
  /** Milliseconds before the next try: anything between 0 and a limit that doubles with each failure in a row. */
  delayMs(failure: unknown): number;
  /** To be called when things have gone well for a while. */
  reset(): void;
}

/**
 * Full jitter, 0.5 s doubling to 30 s where the API server answered with an error, and to 2 s where the connection failed. The two are
 * counted apart: the first answer after a long outage is not held against a server that has just come back. Retry-After is a minimum.
 */
export function createBackOff(random: () => number): BackOff {
  let answered = 0;
  let unanswered = 0;
  return {
    delayMs(failure) {
      const status = kubeStatusOf(failure);
      if (status === undefined) {
        answered = 0;
        unanswered += 1;
        return random() * Math.min(unansweredCapMs, firstMs * 2 ** Math.min(unanswered - 1, 10));
      }
      unanswered = 0;
      answered += 1;
      const spreadMs = random() * Math.min(answeredCapMs, firstMs * 2 ** Math.min(answered - 1, 10));
      return Math.max(spreadMs, askedForMs(failure, status.statusCode));
    },
    reset() {
      answered = 0;
      unanswered = 0;
    },
  };
}

function askedForMs(failure: unknown, statusCode: number): number {
  const asksToWait = statusCode === 429 || statusCode === 503;
  if (!asksToWait || !(failure instanceof AppError)) return 0;
  return Math.min(retryAfterCapMs, (failure.retryAfterSeconds ?? 0) * 1000);
}

export interface ListBudget {
  /** Milliseconds until the next LIST may be sent; 0 = now. */
  waitMs(nowMs: number): number;
  spend(nowMs: number): void;
}

/**
 * One LIST per `everyMs` in the long run, two at once after a quiet time: the first look at the cluster and one recovery right after it
 * are never made to wait. A LIST nobody answered is not counted.
 */
export function createListBudget(everyMs: number): ListBudget {
  const burst = 2;
  let left: number = burst;
  let countedAt: number | undefined;
  function refill(nowMs: number): void {
    left = Math.min(burst, left + (nowMs - (countedAt ?? nowMs)) / everyMs);
    countedAt = nowMs;
  }
  return {
    waitMs(nowMs) {
      refill(nowMs);
      return left >= 1 ? 0 : Math.ceil((1 - left) * everyMs);
    },
    spend(nowMs) {
      refill(nowMs);
      left -= 1;
    },
  };
}
