/**
 * Errands of jobs on their way from the actor that asks for them to whoever carries them out as the tool. One that fails is tried again until
 * it is done, or the actor would not ask any more: then it changes nothing. Made by daemon.ts. Nothing is kept on disk: after a restart
 * the actors ask anew.
 */
import type { Errand } from './domain.ts';
import type { Log } from './log.ts';

export interface Errands {
  /** Never throws and never waits. */
  accept(errand: Errand): void;
  stats(): ErrandStats;
  stop(): void;
}

export interface ErrandStats {
  /** Under way, or waiting for their turn. */
  readonly waiting: number;
  /** Of these, tried without success: as `namespace/name: why`. */
  readonly failing: readonly string[];
}

export interface ErrandsOptions {
  carryOut(errand: Errand): Promise<void>;
  readonly log: Log;
  /** Unset: 8. */
  readonly atOnce?: number;
}

interface Entry {
  errand: Errand;
  /** It was asked for again while it was under way. */
  isAskedAgain: boolean;
  failures: number;
  problem: string | undefined;
  timer: NodeJS.Timeout | undefined;
}

const firstPauseMs = 1_000;
/** A certificate that was mended is to be of use soon; tools that are disabled are to cost little. */
const longestPauseMs = 300_000;

export function createErrands({ carryOut, log, atOnce = 8 }: ErrandsOptions): Errands {
  const entries = new Map<string, Entry>();
  const ready: Entry[] = [];
  let running = 0;
  let isStopped = false;

  function pump(): void {
    while (running < atOnce && !isStopped) {
      const entry = ready.shift();
      if (!entry) return;
      running += 1;
      void run(entry).finally(() => {
        running -= 1;
        pump();
      });
    }
  }

  async function run(entry: Entry): Promise<void> {
    const { errand } = entry;
    entry.isAskedAgain = false;
    try {
      await carryOut(errand);
    } catch (error) {
      failed(entry, error);
      return;
    }
    if (entry.failures > 0) log.info(named(errand), 'what was to be done for a tool is done');
    if (entry.isAskedAgain) ready.push(Object.assign(entry, { failures: 0, problem: undefined }));
    else entries.delete(errand.id);
  }

  function failed(entry: Entry, error: unknown): void {
    entry.failures += 1;
    entry.problem = error instanceof Error ? error.message : String(error);
    if (entry.failures === 1)
      log.warn({ ...named(entry.errand), err: error }, 'something could not be done for a tool; it is tried again');
    if (isStopped) return;
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(entry.failures - 1, 10));
    entry.timer = setTimeout(() => {
      entry.timer = undefined;
      ready.push(entry);
      pump();
    }, pauseMs);
  }

  return {
    accept(errand) {
      const known = entries.get(errand.id);
      if (known) Object.assign(known, { errand, isAskedAgain: true });
      else {
        const entry: Entry = { errand, isAskedAgain: false, failures: 0, problem: undefined, timer: undefined };
        entries.set(errand.id, entry);
        ready.push(entry);
      }
      pump();
    },
    stats: () => ({
      waiting: entries.size,
      failing: [...entries.values()].flatMap(({ errand: { key }, problem }) =>
        problem === undefined ? [] : [`${key.namespace}/${key.name}: ${problem}`],
      ),
    }),
    stop() {
      isStopped = true;
      for (const { timer } of entries.values()) clearTimeout(timer);
    },
  };
}

function named({ type, key: { namespace, name } }: Errand) {
  return { errand: type, namespace, name };
}
