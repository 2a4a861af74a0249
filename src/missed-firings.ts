/**
 * Firings that became no run, on their way from the actor of the job to the records and the mail: what is on record already is let go, and
 * the cluster is asked where the facts do not say why. Made by daemon.ts. After an outage there may be thousands, so only a few are asked
 * about at once.
 */
import type { Notice, RunEnd } from './domain.ts';

export interface MissedFirings {
  /** Never throws and never waits. */
  accept(missed: { readonly end: RunEnd; readonly notice: Notice | undefined }): void;
}

export interface MissedFiringsOptions {
  /** Whether it is on record what became of the firing. */
  isKnown(end: RunEnd): Promise<boolean>;
  /** What the cluster says; nothing where it does not. Does not reject. */
  causeOf(end: RunEnd): Promise<Partial<Pick<RunEnd, 'reason' | 'clusterSays'>>>;
  /** Must not throw. */
  onMissed(end: RunEnd, notice: Notice | undefined): void;
  /** Unset: 8. */
  readonly atOnce?: number;
}

export function createMissedFirings({ isKnown, causeOf, onMissed, atOnce = 8 }: MissedFiringsOptions): MissedFirings {
  const waiting: Parameters<MissedFirings['accept']>[0][] = [];
  let running = 0;

  async function explain({ end, notice }: (typeof waiting)[number]): Promise<void> {
    // A record that cannot be read hinders nothing: the same word twice is one record and one notice.
    if (await isKnown(end).catch(() => false)) return;
    const found = end.reason === 'unexplained' ? await causeOf(end) : {};
    onMissed({ ...end, ...found }, notice && { ...notice, ...found });
  }

  function pump(): void {
    for (
      let next = running < atOnce ? waiting.shift() : undefined;
      next;
      next = running < atOnce ? waiting.shift() : undefined
    ) {
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
