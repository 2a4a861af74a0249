/**
 * Follows what happens to one job for as long as somebody waits for it: by the service's events while there is a stream of them, and with a
 * word to look again whenever something may have been missed.
 */
import type { Client, Job } from '../client/client.ts';
import { dataOf, steadyEvents } from '../client/steady-events.ts';
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

export function watchRun(client: Client, name: string, clock: Clock): RunWatch {
  const ended: Job[] = [];
  const closing = new AbortController();
  let isLive = false;
  let hasNews = false;
  let wake = () => {};
  const tell = () => {
    hasNews = true;
    wake();
  };

  async function follow(): Promise<void> {
    const { signal } = closing;
    for await (const news of steadyEvents(client, { name, signal, sleep: clock.sleep })) {
      isLive = news.type !== 'away';
      if (news.type === 'event' && news.event.event === 'run.ended') ended.push(dataOf(news.event));
      // Of what happened before the stream began, or while it was away, it says nothing.
      tell();
    }
  }

  // Closed, or interrupted: then whoever waits hears of it from their own sleep. Or there are no events: then they ask.
  follow().catch(() => {
    isLive = false;
    tell();
  });
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
