/** How long something may take at most, whatever else may end it sooner. Called wherever an answer is waited for. */

/**
 * Aborts with `signal`, or after `ms` with a TimeoutError.
 * Not `AbortSignal.any` of an `AbortSignal.timeout`: nothing but the composite holds on to that one, weakly, so that in Node.js 20 a garbage
 * collection takes the time limit away (nodejs/node, issue 54614). A timer holds on to what it calls.
 */
export function timeLimited(signal: AbortSignal, ms: number): AbortSignal {
  const late = new AbortController();
  const end = () => late.abort(new DOMException('It took too long.', 'TimeoutError'));
  setTimeout(end, ms).unref();
  return AbortSignal.any([signal, late.signal]);
}

/** The longest delay of a timer, in ms; a longer one would fire at once (Node.js, "Timers"). */
export const longestTimerMs = 2 ** 31 - 1;

/** Resolves when `work` is done, and after `ms` whether it is or not. @throws what `work` says */
export async function atMost(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
