/**
 * What is collected of a failure for the mail about it, as soon as it is known: a pod and its log may be gone half a minute later. Each
 * piece is asked of functions that the hallway hands in; none of them is waited for longer than the deadline.
 */
import type { LastGood, MemoryAdvice, Notice, RunOutput } from '../domain.ts';
import type { Log } from '../log.ts';
import type { Mailbox, NoticeDetails } from '../mailbox.ts';
import { timeLimited } from '../time-limit.ts';

export interface DetailsOptions {
  lines(notice: Notice, signal: AbortSignal): Promise<RunOutput>;
  /** Why the cluster made no pod, in its words. */
  refusal(notice: Notice): Promise<string | undefined>;
  lastGood(notice: Notice): Promise<LastGood | undefined>;
  /** What would be better; asked of what ran out of memory. */
  memory(notice: Notice): Promise<MemoryAdvice | undefined>;
  /** Whether the notice waits for a mail and nothing was collected of it yet. */
  isWanted(notice: Notice): boolean;
  onDetails(notice: Notice, details: NoticeDetails): void;
  readonly log: Log;
  /** Unset: 10 s. */
  readonly deadlineMs?: number;
}

export interface Details {
  /** Never throws and never waits. */
  collect(notice: Notice): void;
  /** The same mailbox with the details of everything that waits in it: those under way are waited for, those never begun are begun. */
  complete(mailbox: Mailbox): Promise<Mailbox>;
  stop(): void;
}

const atOnce = 8;
/** Of a line that is kept; a mail shows less of it. */
const maxLineChars = 400;

export function createDetails(options: DetailsOptions): Details {
  const { isWanted, onDetails, log, deadlineMs = 10_000 } = options;
  const stop = new AbortController();
  const underWay = new Map<string, Promise<NoticeDetails | undefined>>();
  const waiting: (() => void)[] = [];
  let running = 0;

  function start(notice: Notice): Promise<NoticeDetails | undefined> {
    const found = underWay.get(notice.id);
    if (found) return found;
    const details = inTurn(() => gather(notice))
      .catch((error: unknown) => {
        log.warn({ notice: notice.id, err: error }, 'nothing could be collected about a failure');
        return undefined;
      })
      .finally(() => underWay.delete(notice.id));
    underWay.set(notice.id, details);
    return details;
  }

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= atOnce) await new Promise<void>((go) => waiting.push(go));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  }

  async function gather(notice: Notice): Promise<NoticeDetails> {
    const signal = timeLimited(stop.signal, deadlineMs);
    const within = <T>(work: Promise<T>, otherwise: T): Promise<T> =>
      Promise.race([work, whenAborted(signal, otherwise)]);
    const ofMemory = notice.reason === 'out_of_memory' ? options.memory(notice) : Promise.resolve(undefined);
    const [output, refusal, lastGood, memory] = await Promise.all([
      within(options.lines(notice, signal), tooLate),
      within(options.refusal(notice), undefined),
      within(options.lastGood(notice), undefined),
      within(ofMemory, undefined),
    ]);
    const { from: linesFrom, missing: linesMissing } = output;
    const lines = output.lines.map(({ message }) => message.slice(0, maxLineChars));
    return { lines, linesFrom, linesMissing, refusal, lastGood, ...(memory ? { memory } : {}) };
  }

  return {
    collect(notice) {
      if (!needsDetails(notice) || !isWanted(notice) || stop.signal.aborted) return;
      void start(notice).then((details) => {
        // What could not be read because we end may be read by the next daemon.
        if (details && !stop.signal.aborted) onDetails(notice, details);
      });
    },
    async complete(mailbox) {
      const open = await Promise.all(
        mailbox.open.map(async (gathered) =>
          gathered.details === undefined && needsDetails(gathered.notice)
            ? { ...gathered, details: await start(gathered.notice) }
            : gathered,
        ),
      );
      return { ...mailbox, open };
    },
    stop: () => stop.abort(),
  };
}

const tooLate: RunOutput = { lines: [], from: undefined, missing: 'it could not be read in time', isCut: false };

/** What was never begun left nothing behind. */
function needsDetails({ kind, isSkipped }: Notice): boolean {
  return kind === 'failed' && !isSkipped;
}

function whenAborted<T>(signal: AbortSignal, value: T): Promise<T> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(value);
    else signal.addEventListener('abort', () => resolve(value), { once: true });
  });
}
