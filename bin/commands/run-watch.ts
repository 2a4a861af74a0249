/**
 * Follows what happens to one job for as long as somebody waits for it: by the service's events while there is a stream of them, and with a
 * word to look again whenever something may have been missed.
 */
import { AppError } from '../../src/errors.ts';
import type { Client, Job } from '../client/client.ts';
import type { Position } from '../client/stream-text.ts';
import type { Clock } from './outcome.ts';

export interface RunWatch {
  /** Whether events come; without them whoever waits has to ask. */
  isLive(): boolean;
  /** Records of the job's runs that have ended since the watch began. */
  readonly ended: readonly Job[];
  /** Resolves when something has happened since it was last asked, or after `ms`. */
  news(ms: number): Promise<void>;
  close(): void;
}

const pauseMs = 1_000;
const busyPauseMs = 10_000;
/** Whatever else is said of the route, asking for it again does not change: an older service has none. */
const passing = ['service.unreachable', 'view.not_ready', 'kube.unreachable'];

export function watchRun(client: Client, name: string, clock: Clock): RunWatch {
  const ended: Job[] = [];
  const closing = new AbortController();
  let isLive = false;
  const position: Position = { id: undefined };
  let hasNews = false;
  let wake = () => {};
  const tell = () => {
    hasNews = true;
    wake();
  };

  async function follow(): Promise<void> {
    for (;;) {
      const pause = await followOnce().catch(pauseAfter);
      isLive = false;
      if (pause === undefined || closing.signal.aborted) return;
      tell();
      await clock.sleep(pause, closing.signal);
    }
  }

  async function followOnce(): Promise<number> {
    const events = await client.followEvents(name, position, closing.signal);
    isLive = true;
    // Of what happened before the stream began it says nothing.
    tell();
    for await (const { event, data } of events) {
      if (event === 'run.ended') ended.push(recordOf(data));
      tell();
    }
    return pauseMs;
  }

  // Closed, or interrupted: then whoever waits hears of it from their own sleep.
  follow().catch(() => {});
  return {
    isLive: () => isLive,
    ended,
    async news(ms) {
      if (!hasNews) {
        const enough = new AbortController();
        const told = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const slept = clock.sleep(ms, enough.signal);
        await Promise.race([told, slept]);
        slept.catch(() => {});
        enough.abort();
      }
      hasNews = false;
    },
    close: () => closing.abort(),
  };
}

/** @returns how long to wait before the next try; undefined where none would help */
function pauseAfter(error: unknown): number | undefined {
  if (!(error instanceof AppError)) return undefined;
  if (error.code === 'caller.too_many') return busyPauseMs;
  return passing.includes(error.code) ? pauseMs : undefined;
}

/** What is no record is of no run. */
function recordOf(data: string): Job {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null ? (value as Job) : {};
  } catch {
    return {};
  }
}
