/**
 * Runs that ended without a pod: the cluster may say that it refused them one, as it does where the quota is full. Asked when such a run has
 * ended, since its Job knows nothing of it. Made by daemon.ts.
 */
import { isQuotaRefusal, type RunEnd } from './domain.ts';
import { fewAtOnce } from './few-at-once.ts';

export interface UnbegunRuns {
  /** Never throws and never waits. A run that has begun, or may have, is left as it is. */
  accept(end: RunEnd): void;
}

export interface UnbegunRunsOptions {
  /** What the cluster says of the pod that it did not make; undefined where it says nothing. Does not reject. */
  refusalOf(end: RunEnd): Promise<string | undefined>;
  /** Must not throw. */
  onCause(end: RunEnd): void;
  /** Unset: 8. */
  readonly atOnce?: number;
}

const longestWords = 500;

export function createUnbegunRuns({ refusalOf, onCause, atOnce = 8 }: UnbegunRunsOptions): UnbegunRuns {
  const inTurn = fewAtOnce(atOnce);
  return {
    accept(end) {
      if (!mayBeUnbegun(end)) return;
      inTurn(async () => {
        const says = await refusalOf(end);
        if (says !== undefined) onCause(withCause(end, says.slice(0, longestWords)));
      });
    },
  };
}

/** A firing that became no run is known by the job it is of. */
function mayBeUnbegun({ outcome, pod, startedAt, id, jobUid }: RunEnd): boolean {
  const isRun = !id.startsWith(`${jobUid}/`);
  return isRun && outcome !== 'succeeded' && pod === undefined && startedAt === undefined;
}

function withCause(end: RunEnd, clusterSays: string): RunEnd {
  const outcome = end.outcome === 'unknown' ? 'stopped' : end.outcome;
  const isTaken = end.reason === 'replaced';
  return {
    ...end,
    outcome,
    reason: isTaken ? end.reason : isQuotaRefusal(clusterSays) ? 'quota' : 'not_started',
    clusterSays,
  };
}
