/**
 * Who listens to the events of which tool. A tool to which nobody listens has no feed, and what happens to its jobs costs nothing here; a
 * feed outlives its last listener for a while, so that one whose connection broke misses nothing.
 */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { JobChange, JobSnapshot, Tool } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { structuredStatus } from '../dialects/status/structured-status.ts';
import { createNextFiring } from '../next-firing.ts';
import { Feed, type Listener } from './feed.ts';

export interface EventFeeds {
  /**
   * @returns the events as text, without an end; destroyed when the listener is too slow. Whoever destroys it has left.
   * @throws AppError `view.not_ready` when the daemon stops
   */
  listen(tool: Tool, options: ListenOptions): Readable;
  /** Nothing is told from now on, and nobody listens anew. */
  stop(): void;
  /** Feeds there are, listened to or not. */
  size(): number;
}

export interface ListenOptions {
  readonly job?: string | undefined;
  readonly lastEventId?: string | undefined;
}

export interface EventFeedsOptions {
  /** ms since the epoch */
  now(): number;
  subscribe(namespace: string, listener: (change: JobChange) => void): () => void;
}

const heartbeatMs = 15_000;
const lingerMs = 120_000;
/** Feeds without a listener; beyond it the one longest without goes first. */
const maxLingering = 256;

interface Entry {
  readonly feed: Feed;
  readonly close: () => void;
}

export function createEventFeeds({ now, subscribe }: EventFeedsOptions): EventFeeds {
  const nextFiringAt = createNextFiring(now);
  const statusOf = (job: JobSnapshot) => structuredStatus(job, { now: now(), nextFiringAt: nextFiringAt(job) });
  const entries = new Map<string, Entry>();
  /** By namespace, in the order in which the last listener left. */
  const lingering = new Map<string, NodeJS.Timeout>();
  let isStopped = false;

  function open(namespace: string): Entry {
    const feed = new Feed({ life: randomBytes(6).toString('hex'), statusOf });
    const unsubscribe = subscribe(namespace, (change) => feed.take(change));
    const timer = setInterval(() => feed.beat(), heartbeatMs);
    timer.unref();
    const entry: Entry = {
      feed,
      close() {
        clearInterval(timer);
        unsubscribe();
        entries.delete(namespace);
      },
    };
    entries.set(namespace, entry);
    return entry;
  }

  function linger(namespace: string, { close }: Entry): void {
    const timer = setTimeout(() => {
      lingering.delete(namespace);
      close();
    }, lingerMs);
    timer.unref();
    lingering.set(namespace, timer);
    const [longest] = lingering.keys();
    if (lingering.size > maxLingering && longest !== undefined) {
      keep(longest);
      entries.get(longest)?.close();
    }
  }

  /** From now on it does not end by itself. */
  function keep(namespace: string): void {
    clearTimeout(lingering.get(namespace));
    lingering.delete(namespace);
  }

  return {
    listen({ namespace }, { job, lastEventId }) {
      if (isStopped) throw stoppingNow();
      const entry = entries.get(namespace) ?? open(namespace);
      keep(namespace);
      const stream = new Readable({ read() {}, encoding: 'utf8' });
      const listener: Listener = { stream, job };
      stream.once('close', () => {
        entry.feed.remove(listener);
        if (entry.feed.listeners === 0 && !isStopped) linger(namespace, entry);
      });
      entry.feed.add(listener, lastEventId);
      return stream;
    },
    stop() {
      isStopped = true;
      for (const timer of lingering.values()) clearTimeout(timer);
      for (const { close } of entries.values()) close();
    },
    size: () => entries.size,
  };
}

function stoppingNow(): AppError {
  return new AppError('view.not_ready', 'The service is stopping. Try again in a moment.', { retryAfterSeconds: 1 });
}
