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
