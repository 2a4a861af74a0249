/**
 * The events of the tool for every page that is open: one stream from the service, however many there are, from the first page on. Pages
 * hear what the service says, and beside it how the connection to the service is.
 */
import type { ServerResponse } from 'node:http';
import { toAppError } from '../../src/errors.ts';
import { dataOf, type Following, steadyEvents } from '../client/steady-events.ts';
import { visibleLine } from '../terminal/terminal.ts';
import type { ReadingClient } from './service-reads.ts';
import { shownJson } from './shown-json.ts';

export interface EventHub {
  /** Writes events to it for as long as it is open. */
  add(page: ServerResponse): void;
  close(): void;
}

/** Keeps the connection alive over whatever forwards it. */
const heartbeatMs = 15_000;
/** What a page may be behind; one that comes back loads everything anew. */
const maxBehindBytes = 256 * 1024;

export function createEventHub(client: Pick<ReadingClient, 'followEvents'>, { signal, sleep }: Following): EventHub {
  const pages = new Set<ServerResponse>();
  /** As pages hear it. */
  let connection = connectionText('Connecting to the service.');
  let isFollowing = false;

  const tell = (text: string) => {
    for (const page of pages) {
      page.write(text);
      if (page.writableLength > maxBehindBytes) page.destroy();
    }
  };
  const tellConnection = (trouble: string | null) => {
    connection = connectionText(trouble);
    tell(connection);
  };
  const timer = setInterval(() => tell(':\n\n'), heartbeatMs);
  timer.unref();

  async function follow(): Promise<void> {
    for await (const news of steadyEvents(client, { signal, sleep })) {
      if (news.type === 'away') tellConnection(news.error.message);
      else if (news.type === 'event') tell(eventText(news.event.event, dataOf(news.event)));
      else {
        tellConnection(null);
        if (!news.isResumed) tell(eventText('reset', {}));
      }
    }
  }

  return {
    add(page) {
      pages.add(page);
      page.once('close', () => pages.delete(page));
      page.write(`retry: 1000\n\n${connection}`);
      if (isFollowing) return;
      isFollowing = true;
      // Where trying again would not help it is said, and tried when the next page comes.
      follow().catch((error: unknown) => {
        isFollowing = false;
        if (!signal.aborted) tellConnection(toAppError(error).message);
      });
    },
    close() {
      clearInterval(timer);
      for (const page of pages) page.destroy();
    },
  };
}

/** @param trouble in words; null while the service is heard */
function connectionText(trouble: string | null): string {
  return eventText('connection', { trouble });
}

function eventText(event: string, data: object): string {
  return `event: ${visibleLine(event)}\ndata: ${shownJson(data)}\n\n`;
}
