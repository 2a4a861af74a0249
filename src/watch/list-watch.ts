/**
 * Follows one kind of Kubernetes object: LIST once, WATCH from there, and again from the last version after every cut.
 * Called by jobs.ts. Knows no domain: raw objects go to the handler one by one, in order.
 *
 *   list --complete--> watch --ends or breaks--> wait a little --> watch from the last version
 *    ^                                                 |
 *    +------- wait for the list budget <--- 410 -------+
 */
import type { KubeObject } from '../domain.ts';
import type { AppError } from '../errors.ts';
import { countAt, recordAt, textAt } from '../fields.ts';
import { fromKubeStatus, type Kube, kubeStatusOf } from '../kube.ts';
import type { Log } from '../log.ts';
import { isNewerVersion } from '../resource-version.ts';
import { createBackOff, createListBudget } from './back-off.ts';
import { type Clock, createClock, pause, yieldTurn } from './clock.ts';
import { splitLines } from './lines.ts';
import { createObjectBook, type Handle, type Listing, type ObjectBook } from './object-book.ts';
import { createCut, type Silence, watchSilence } from './silence.ts';
import { parseWatchLine } from './watch-line.ts';

export interface ListWatchOptions<Kept> {
  /** Collection, e.g. `/api/v1/pods`. */
  readonly path: string;
  readonly labelSelector?: string;
  readonly handle: Handle<Kept>;
  readonly log: Log;
  /** Unset: the system's. */
  readonly clock?: Clock;
  /** 0 ≤ n < 1; unset: Math.random. */
  readonly random?: () => number;
}

/** Why a list was made: the first one; the watch was told that its version is too old; a list was told so between two pages. */
export type RelistReason = 'start' | 'gone' | 'list_gone';

/** Counters since the start, for metrics. */
export interface ListWatchStats {
  readonly events: number;
  readonly bookmarks: number;
  /** Complete lists. */
  readonly relists: Readonly<Record<RelistReason, number>>;
  /** Times a list or a watch ended, in time or not, and was begun again. */
  readonly reconnects: number;
  readonly handlerErrors: number;
  /** Events over the size cap, dropped. */
  readonly oversized: number;
  /** Ms since the epoch; undefined before the first. */
  readonly lastEventAt: number | undefined;
  readonly resourceVersion: string | undefined;
  /** Objects known now. */
  readonly objects: number;
}

export interface ListWatch {
  /** Ends everything at once; nothing is handed over afterwards. */
  stop(): void;
  /** Resolves when the first list is complete; pending for ever if stop() comes first. Never rejects. */
  readonly ready: Promise<void>;
  /** `live`: a watch is connected. `asOf`: ms since the epoch of the last byte or list; 0 before the first. */
  freshness(): { readonly synced: boolean; readonly live: boolean; readonly asOf: number };
  /** Takes an object from the reply to a write before its event arrives. Left out where the watch has passed it already. */
  feed(object: KubeObject): void;
  stats(): ListWatchStats;
}

type Source = Pick<Kube, 'request' | 'stream'>;

const pageSize = { most: 250, least: 20 };
const listEveryMs = 10_000;
const silenceLimitMs = 90_000;
const healthyAfterMs = 10_000;
const goneJitterMs = 1_000;
const maxLineBytes = 2 * 1024 * 1024;
const watchSeconds = { least: 300, most: 600 };

/** Starts to follow at once. */
export function createListWatch<Kept>(kube: Source, options: ListWatchOptions<Kept>): ListWatch {
  const book = createObjectBook(options.handle, options.log);
  return new Reflector(kube, book, options);
}

class Reflector implements ListWatch {
  readonly #kube: Source;
  readonly #book: ObjectBook;
  readonly #path: string;
  readonly #selector: Readonly<Record<string, string>>;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #backOff;
  readonly #budget = createListBudget(listEveryMs);
  readonly #stop = new AbortController();
  /** A continuation that wakes up under another number than it was started with has nothing to say any more. */
  #generation = 0;
  #version: string | undefined;
  #reason: RelistReason = 'start';
  #pageLimit = pageSize.most;
  #synced = false;
  #live = false;
  #inTrouble = false;
  #asOf = 0;
  #lastEventAt: number | undefined;
  readonly #counts = { events: 0, bookmarks: 0, reconnects: 0, oversized: 0 };
  readonly #relists: Record<RelistReason, number> = { start: 0, gone: 0, list_gone: 0 };
  readonly ready: Promise<void>;
  #becomeReady = () => {};

  constructor(kube: Source, book: ObjectBook, options: Omit<ListWatchOptions<unknown>, 'handle'>) {
    this.#kube = kube;
    this.#book = book;
    this.#path = options.path;
    this.#selector = options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector };
    this.#log = options.log;
    this.#clock = options.clock ?? createClock();
    this.#random = options.random ?? Math.random;
    this.#backOff = createBackOff(this.#random);
    this.ready = new Promise((resolve) => {
      this.#becomeReady = resolve;
    });
    void this.#run(this.#generation);
  }

  stop(): void {
    this.#generation += 1;
    this.#live = false;
    this.#stop.abort();
  }

  freshness() {
    return { synced: this.#synced, live: this.#live, asOf: this.#asOf };
  }

  feed(object: KubeObject): void {
    if (this.#stop.signal.aborted) return;
    const version = textAt(object, 'metadata', 'resourceVersion') ?? '';
    if (this.#version === undefined || isNewerVersion(version, this.#version)) this.#book.seen(object);
  }

  stats(): ListWatchStats {
    return {
      ...this.#counts,
      handlerErrors: this.#book.handlerErrors,
      relists: { ...this.#relists },
      lastEventAt: this.#lastEventAt,
      resourceVersion: this.#version,
      objects: this.#book.size,
    };
  }

  /** The only loop: everything that is asked of the API server is asked from here, one thing at a time. */
  async #run(generation: number): Promise<void> {
    while (generation === this.#generation) {
      const delayMs = await this.#listAndWatch(generation);
      if (delayMs > 0) await pause(this.#clock, delayMs, this.#stop.signal);
    }
  }

  /** A list where one is due, then a watch until it ends. Gives back the ms to wait before the next try. */
  async #listAndWatch(generation: number): Promise<number> {
    let openedAt: number | undefined;
    let failure: unknown;
    try {
      if (this.#version === undefined) await this.#list(generation);
      if (generation === this.#generation) {
        await this.#watch(generation, () => {
          openedAt = this.#clock.steadyMs();
        });
      }
    } catch (error) {
      failure = error;
    }
    if (generation !== this.#generation) return 0;
    this.#counts.reconnects += 1;
    const wasHealthy = openedAt !== undefined && this.#clock.steadyMs() - openedAt >= healthyAfterMs;
    if (wasHealthy) this.#backOff.reset();
    // A watch that ran its time and is opened anew at once has missed nothing.
    this.#live &&= failure === undefined && wasHealthy;
    return this.#waitAfter(failure, wasHealthy);
  }

  #waitAfter(failure: unknown, wasHealthy: boolean): number {
    if (kubeStatusOf(failure)?.statusCode === 410) {
      this.#reason = this.#version === undefined ? 'list_gone' : 'gone';
      this.#version = undefined;
      this.#log.info({ path: this.#path, reason: this.#reason }, 'the version is too old, listing again');
      return this.#random() * goneJitterMs;
    }
    if (failure === undefined && wasHealthy) return 0;
    const delayMs = this.#backOff.delayMs(failure);
    this.#report(failure, delayMs);
    return delayMs;
  }

  /** One warning when trouble begins; its length is read from the line that says it is over. */
  #report(failure: unknown, delayMs: number): void {
    const fields = {
      path: this.#path,
      delayMs: Math.round(delayMs),
      ...(failure === undefined ? {} : { err: failure }),
    };
    if (this.#inTrouble) this.#log.debug(fields, 'still no watch');
    else this.#log.warn(fields, 'the watch broke off');
    this.#inTrouble = true;
  }

  async #list(generation: number): Promise<void> {
    await pause(this.#clock, this.#budget.waitMs(this.#clock.steadyMs()), this.#stop.signal);
    if (generation !== this.#generation) return;
    const startedAt = this.#clock.steadyMs();
    const listing = this.#book.startListing();
    let next: string | undefined;
    let pages = 0;
    do {
      const page = await this.#page(next);
      if (generation !== this.#generation) return;
      if (pages === 0) this.#budget.spend(this.#clock.steadyMs());
      pages += 1;
      for (const item of itemsOf(page)) listing.see(item);
      next = textAt(page, 'metadata', 'continue') || undefined;
      if (next === undefined) this.#finishList(listing, textAt(page, 'metadata', 'resourceVersion') ?? '');
      else await yieldTurn();
    } while (next !== undefined && generation === this.#generation);
    const ms = Math.round(this.#clock.steadyMs() - startedAt);
    this.#log.info({ path: this.#path, reason: this.#reason, pages, objects: this.#book.size, ms }, 'listed');
  }

  #finishList(listing: Listing, version: string): void {
    listing.finish(version);
    this.#version = version;
    this.#synced = true;
    this.#relists[this.#reason] += 1;
    this.#becomeReady();
  }

  async #page(next: string | undefined): Promise<unknown> {
    const query = { ...this.#selector, limit: this.#pageLimit, ...(next === undefined ? {} : { continue: next }) };
    try {
      const page = await this.#kube.request({ method: 'GET', path: this.#path, query, signal: this.#stop.signal });
      this.#asOf = this.#clock.wallMs();
      return page;
    } catch (error) {
      if (isUnreadable(error)) this.#pageLimit = Math.max(pageSize.least, Math.floor(this.#pageLimit / 2));
      throw error;
    }
  }

  async #watch(generation: number, onOpen: () => void): Promise<void> {
    const cut = createCut(this.#stop.signal);
    const silence = watchSilence(this.#clock, silenceLimitMs, () => cut.abort(new Error('nothing was heard for 90 s')));
    try {
      const request = { method: 'GET', path: this.#path, query: this.#watchQuery(), signal: cut.signal } as const;
      const body = await this.#kube.stream(request);
      if (generation !== this.#generation) return;
      onOpen();
      this.#opened();
      for await (const line of splitLines(body, this.#lineOptions(silence))) {
        if (generation !== this.#generation) return;
        this.#takeEvent(parseWatchLine(line));
      }
    } finally {
      silence.end();
      cut.end();
    }
  }

  #watchQuery() {
    const { least, most } = watchSeconds;
    return {
      ...this.#selector,
      watch: true,
      allowWatchBookmarks: true,
      timeoutSeconds: Math.round(least + this.#random() * (most - least)),
      resourceVersion: this.#version ?? '',
    };
  }

  #lineOptions(silence: Silence) {
    return {
      maxBytes: maxLineBytes,
      onBytes: () => {
        silence.heard();
        this.#asOf = this.#clock.wallMs();
      },
      onOversized: () => {
        this.#counts.oversized += 1;
        this.#log.warn({ path: this.#path }, 'an event over the size cap was dropped');
      },
    };
  }

  #opened(): void {
    this.#live = true;
    this.#asOf = this.#clock.wallMs();
    if (this.#inTrouble) this.#log.info({ path: this.#path, resourceVersion: this.#version }, 'the watch is back');
    this.#inTrouble = false;
  }

  /** @throws AppError for an ERROR event */
  #takeEvent(event: unknown): void {
    const type = textAt(event, 'type');
    const object = recordAt(event, 'object');
    if (type === 'ERROR') throw errorOf(object);
    if (type === 'BOOKMARK') this.#counts.bookmarks += 1;
    else this.#takeChange(type, object);
    this.#version = textAt(object, 'metadata', 'resourceVersion') ?? this.#version;
  }

  #takeChange(type: string | undefined, object: KubeObject): void {
    this.#counts.events += 1;
    this.#lastEventAt = this.#clock.wallMs();
    if (type === 'DELETED') this.#book.gone(object);
    else this.#book.seen(object);
  }
}

/** @throws Error when the answer is no list */
function itemsOf(page: unknown): readonly unknown[] {
  const { items } = recordAt(page);
  if (!Array.isArray(items)) throw new Error('the answer to a LIST has no items');
  return items;
}

/** The Status of an ERROR event as the error that the answer to a request would be. */
function errorOf(status: KubeObject): AppError {
  const seconds = countAt(status, 'details', 'retryAfterSeconds');
  return fromKubeStatus(countAt(status, 'code') || 500, status, seconds > 0 ? String(seconds) : undefined);
}

/**
 * Whether an answer came but was too long or broken: smaller pages then help, or the large objects of one tool would keep everyone's
 * list from ever being complete. Failures of the connection carry a code.
 */
function isUnreadable(error: unknown): boolean {
  if (kubeStatusOf(error) !== undefined) return false;
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && !('code' in cause);
}
