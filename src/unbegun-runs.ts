/**
 * Runs without a pod, which wait for one or have ended so: the cluster may say that it refuses it, as it does where the quota is full; their
 * Jobs say nothing of it. Made by daemon.ts.
 */
import { isQuotaRefusal, type JobKey, type Notice, type RunEnd } from './domain.ts';
import { fewAtOnce } from './few-at-once.ts';

export interface UnbegunRuns {
  /** Never throws and never waits. A run that has begun, or may have, is left as it is. */
  end(end: RunEnd): void;
  /** A run that could not be started in time, if that is what the notice tells. Never throws and never waits. */
  wait(notice: Notice): void;
}

export interface UnbegunRunsOptions {
  /** What the cluster says of the pod that it did not make; undefined where it says nothing. Does not reject. */
  refusalOf(key: JobKey, run: string): Promise<string | undefined>;
  /** The end of a run, with why it never began. Must not throw. */
  onEnd(end: RunEnd): void;
  /** What keeps a run waiting. Must not throw. */
  onRefusal(key: JobKey, refused: { readonly run: string; readonly says: string }): void;
  /** Unset: 8. */
  readonly atOnce?: number;
}

const longestWords = 500;

export function createUnbegunRuns(options: UnbegunRunsOptions): UnbegunRuns {
  const { refusalOf, onEnd, onRefusal, atOnce = 8 } = options;
  const inTurn = fewAtOnce(atOnce);
  const ask = (key: JobKey, run: string, tell: (says: string) => void) =>
    inTurn(async () => {
      const says = await refusalOf(key, run);
      if (says !== undefined) tell(says.slice(0, longestWords));
    });
  return {
    end(end) {
      if (mayBeUnbegun(end)) ask(end.key, end.id, (says) => onEnd(withCause(end, says)));
    },
    wait({ key, run, reason, pod, isSkipped }) {
      const isWithoutPod = reason === 'not_started' && pod === undefined && !isSkipped && key.kind !== 'Deployment';
      if (isWithoutPod) ask(key, run, (says) => onRefusal(key, { run, says }));
    },
  };
}

/** A firing that became no run is known by the job it is of; of a pod that has gone the reason tells. */
function mayBeUnbegun({ outcome, reason, pod, startedAt, id, jobUid }: RunEnd): boolean {
  const isRun = !id.startsWith(`${jobUid}/`);
  const isOpen = reason === undefined || reason === 'replaced' || reason === 'not_started';
  return isRun && isOpen && outcome !== 'succeeded' && pod === undefined && startedAt === undefined;
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
