/**
 * Firings that became no run, on their way from the actor of the job to the records and the mail: one whose run is on record is let
 * go, and the cluster is asked where the facts do not say why. Made by daemon.ts. After an outage there may be thousands, so only a few are
 * asked about at once.
 */
import type { Notice, RunEnd, RunRecord } from './domain.ts';

/** What may be found out later of why a firing became no run. */
export type FiringCause = Pick<RunEnd, 'reason' | 'since' | 'until' | 'clusterSays'>;

export interface MissedFirings {
  /** Never throws and never waits. */
  accept(missed: {
    readonly end: RunEnd;
    readonly notice: Notice | undefined;
    /** The cluster could not be reached then: why, where it does not know better itself. Ms since the epoch. */
    readonly outage?: { readonly from: number; readonly to: number } | undefined;
  }): void;
}

export interface MissedFiringsOptions {
  /** What is on record of the firing. */
  known(end: RunEnd): Promise<RunRecord | undefined>;
  /** What the cluster says; nothing where it does not. Does not reject. */
  causeOf(end: RunEnd): Promise<Partial<FiringCause>>;
  /** Must not throw. */
  onMissed(end: RunEnd, notice: Notice | undefined): void;
  /** Unset: 8. */
  readonly atOnce?: number;
}

export function createMissedFirings({ known, causeOf, onMissed, atOnce = 8 }: MissedFiringsOptions): MissedFirings {
  const waiting: Parameters<MissedFirings['accept']>[0][] = [];
  let running = 0;

  async function explain({ end, notice, outage }: (typeof waiting)[number]): Promise<void> {
    // A record that cannot be read hinders nothing: the same word twice is one record and one notice.
    const before = await known(end).catch(() => undefined);
    if (before && before.outcome !== 'skipped' && before.outcome !== 'unknown') return;
    const found = before?.outcome === 'skipped' ? causeIn(before) : await asked(end, outage);
    // Its record may have reached the disk before its notice did: that one is told again.
    onMissed({ ...end, ...found }, notice && { ...notice, ...found });
  }

  async function asked(end: RunEnd, outage: (typeof waiting)[number]['outage']): Promise<Partial<FiringCause>> {
    if (end.reason !== 'unexplained') return {};
    const said = await causeOf(end);
    if (said.reason !== undefined || !outage) return said;
    return { reason: 'cluster_away', since: outage.from, until: outage.to };
  }

  function pump(): void {
    while (running < atOnce) {
      const next = waiting.shift();
      if (!next) return;
      running += 1;
      void explain(next).finally(() => {
        running -= 1;
        pump();
      });
    }
  }

  return {
    accept(missed) {
      waiting.push(missed);
      pump();
    },
  };
}

function causeIn({ reason, since, until, clusterSays }: RunRecord): FiringCause {
  return { reason, since, until, clusterSays };
}
