/**
 * From when the next daemon has to account for firings of schedules, for the checkpoint: everything before it is on record. Each scheduled
 * job looks after its own firings (machines/firings.ts) within seconds of the time when the facts about them are complete; so what is
 * accounted for is known of a minute ago, without asking a single job.
 */

export interface FiringsMark {
  /** Ms since the epoch; never goes back. To be asked once a second or so. */
  from(): number;
}

export interface FiringsMarkOptions {
  /** Of the daemon before; at the very first start, now. */
  readonly first: number;
  /** Every fact that is older has been told; 0 while that is not known. */
  completeUntil(): number;
  now(): number;
}

/** Longer than any job waits before it looks again. */
const settleMs = 60_000;
const sampleMs = 10_000;
/** A firing is looked at when it can begin no more: the longest deadline that is waited for, and what clocks are apart. */
const longestGraceMs = 660_000;

export function createFiringsMark({ first, completeUntil, now }: FiringsMarkOptions): FiringsMark {
  let from = first;
  const samples: { readonly at: number; readonly complete: number }[] = [];
  return {
    from() {
      const at = now();
      if (at - (samples.at(-1)?.at ?? Number.NEGATIVE_INFINITY) >= sampleMs)
        samples.push({ at, complete: completeUntil() });
      while (samples[0] && at - samples[0].at >= settleMs)
        from = Math.max(from, (samples.shift()?.complete ?? 0) - longestGraceMs);
      return from;
    },
  };
}
