/**
 * Firings that became no run, on their way from the actor of the job to the records and the mail: one whose run is on record is let
 * go, and the cluster is asked where the facts do not say why. Made by daemon.ts. After an outage there may be thousands, so only a few are
 * asked about at once.
 */
import type { Notice, RunEnd, RunRecord } from './domain.ts';
import { fewAtOnce } from './few-at-once.ts';

/** What may be found out later of why a firing became no run. */
export type FiringCause = Pick<RunEnd, 'reason' | 'since' | 'until' | 'clusterSays'>;

export interface MissedFirings {
  /** Never throws and never waits. */
  accept(missed: {
    readonly end: RunEnd;
    readonly notice: Notice | undefined;
    /** The cluster could not be reached then: why, where it does not know better itself. Ms since the epoch. */
    readonly outage?: { readonly from: number; readonly to: number } | undefined;
    /** Its run may have come and gone unseen. */
    readonly mayHaveBegun?: boolean;
  }): void;
}

export interface MissedFiringsOptions {
  /** What is on record of the firing. */
  known(end: RunEnd): Promise<RunRecord | undefined>;
  /** What the cluster says; nothing where it does not. Does not reject. */
  causeOf(end: RunEnd): Promise<Partial<Pick<FiringCause, 'reason' | 'clusterSays'>>>;
  /** Whether the cluster says that it has begun its run; undefined where it cannot tell any more. Does not reject. */
  wasBegun(end: RunEnd): Promise<boolean | undefined>;
  /** Must not throw. */
  onMissed(end: RunEnd, notice: Notice | undefined): void;
  /** Unset: 8. */
  readonly atOnce?: number;
}

type Missed = Parameters<MissedFirings['accept']>[0];

export function createMissedFirings(options: MissedFiringsOptions): MissedFirings {
  const { known, causeOf, wasBegun, onMissed, atOnce = 8 } = options;
  const inTurn = fewAtOnce(atOnce);

  async function explain(missed: Missed): Promise<void> {
    const { end, notice } = missed;
    // A record that cannot be read hinders nothing: the same word twice is one record and one notice.
    const before = await known(end).catch(() => undefined);
    if (before && before.outcome !== 'skipped' && before.outcome !== 'unknown') return;
    const isTold = before?.outcome === 'skipped';
    if (!isTold && end.reason === 'unexplained' && missed.mayHaveBegun && (await wasBegun(end)) !== false) {
      onMissed({ ...end, outcome: 'unknown', reason: undefined }, undefined);
      return;
    }
    const found = isTold ? causeIn(before) : await asked(missed);
    // Its record may have reached the disk before its notice did: that one is told again.
    onMissed({ ...end, ...found }, notice && { ...notice, ...found });
  }

  async function asked({ end, outage }: Missed): Promise<Partial<FiringCause>> {
    if (end.reason !== 'unexplained') return {};
    const said = await causeOf(end);
    // That the controller could not reach the API server it writes down, when it can again, as a Job that it could not make.
    if (!outage || (said.reason !== undefined && said.reason !== 'not_started')) return said;
    return { ...said, reason: 'cluster_away', since: outage.from, until: outage.to };
  }

  return { accept: (missed) => inTurn(() => explain(missed)) };
}

function causeIn({ reason, since, until, clusterSays }: RunRecord): FiringCause {
  return { reason, since, until, clusterSays };
}
