/**
 * Follows one kind of Kubernetes object: LIST once, WATCH from there, and again from the last version after every cut. Where an earlier
 * watch got to is known, what has happened since is replayed first, so that deletions come with the last state of what is gone.
 * Called by jobs.ts. Knows no domain: raw objects go to the handler one by one, in order.
 *
 *   replaying --bookmark--> adding --complete list--.
 *       |                                           v
 *       |       comparing --complete list--> watching --ends or breaks--> watching from the last version
 *       |           ^                            |
 *       '---410-----+-------------410------------'
 *
 * A list that is compared is the truth: what it does not show is gone. One that is added stands beside a history that goes on: it shows
 * what was there all along, and leaves every change to the watch, which goes on from where the replay ended.
 */
import type { KubeObject } from '../domain.ts';
import { recordAt, textAt } from '../fields.ts';
import { type Kube, kubeStatusOf } from '../kube.ts';
import type { Log } from '../log.ts';
import type { Gap } from '../mailbox.ts';
import { isNewerVersion } from '../resource-version.ts';
import { createBackOff, createListBudget } from './back-off.ts';
import { type Clock, createClock, pause, yieldTurn } from './clock.ts';
import { createObjectBook, type Handle, type Listing, type ObjectBook } from './object-book.ts';
import { createCut } from './silence.ts';
import { type WatchEvent, watchStream } from './watch-stream.ts';

export interface ListWatchOptions<Kept> {
  /** Collection, e.g. `/api/v1/pods`. */
  readonly path: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly handle: Handle<Kept>;
  /** Unset: nobody has ever watched this kind, so everything that the first list shows is old. */
  readonly start?: Start;
  /** Called before the position passes a time of which not every event can be seen any more. Unset: nobody wants to know. */
  onGap?(gap: Gap): void;
  /** Called once, when the first list is complete, just before `ready` resolves. */
  onSynced?(): void;
  readonly log: Log;
  /** Unset: the system's. */
  readonly clock?: Clock;
  /** 0 ≤ n < 1; unset: Math.random. */
  readonly random?: () => number;
}

/** Where an earlier watch, of another process, got to. */
export interface Start {
  /** Everything up to this version was handed on; undefined where that is not known any more. */
  readonly version: string | undefined;
  /** Until when it had missed nothing; ms since the epoch. */
  readonly completeUntil: number;
}

export interface Position {
  /** Everything up to this version has been handed on; undefined before the first list. */
  readonly version: string | undefined;
  /** When that version was the latest, for all that is known; undefined as long as nobody has watched. */
  readonly completeUntil: number | undefined;
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
  /** A watch is connected. */
  readonly live: boolean;
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
  position(): Position;
  stats(): ListWatchStats;
  /**
   * The loop has not moved for longer than anything it waits for may take, whatever the API server does: a defect that only a new process
   * cures. An API server that is away, silent or busy keeps the loop moving. Said in the log the first time.
   */
  isStuck(): boolean;
}

type Source = Pick<Kube, 'request' | 'stream'>;

const pageSize = { most: 250, least: 20 };
const listEveryMs = 10_000;
const healthyAfterMs = 10_000;
const goneJitterMs = 1_000;
const watchSeconds = { least: 300, most: 600 };
/** The API server sends a bookmark 2 s before the end of a watch, so this is the shortest one that has any. */
const replaySeconds = 3;
const replayLimitMs = 10_000;
/** Then the history comes with the ordinary watch, later than it should. */
const maxReplayFailures = 3;
/** Every wait of the loop ends before: Retry-After (120 s at most), a silent watch or body (90 s), a connection and its answer (20 s). */
const stuckAfterMs = 300_000;

type Stage = 'replaying' | 'adding' | 'comparing' | 'watching';

/** Starts to follow at once. */
export function createListWatch<Kept>(kube: Source, options: ListWatchOptions<Kept>): ListWatch {
  const known = { until: options.start?.version };
  const isOld = (version: string) => known.until !== undefined && !isNewerVersion(version, known.until);
  const book = createObjectBook(options.handle, options.log, isOld);
  return new Reflector(kube, book, known, options);
}

/** What was handed on before this process was started: everything up to this version. */
interface KnownBefore {
  until: string | undefined;
}

class Reflector implements ListWatch {
  readonly #kube: Source;
  readonly #book: ObjectBook;
  readonly #known: KnownBefore;
  readonly #options: Pick<ListWatchOptions<unknown>, 'onGap' | 'onSynced' | 'start'>;
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
  #stage: Stage;
  #version: string | undefined;
  #replayFailures = 0;
  #completeUntil: number | undefined;
  /** Set while it is known that events were missed, until a list has made good what can be made good. */
  #gapFrom: number | undefined;
  #reason: RelistReason = 'start';
  #pageLimit = pageSize.most;
  #synced = false;
  #live = false;
  #inTrouble = false;
  #asOf = 0;
  #movedAt: number;
  #isKnownStuck = false;
  #lastEventAt: number | undefined;
  readonly #counts = { events: 0, bookmarks: 0, reconnects: 0, oversized: 0 };
  readonly #relists: Record<RelistReason, number> = { start: 0, gone: 0, list_gone: 0 };
  readonly ready: Promise<void>;
  #becomeReady = () => {};

  constructor(kube: Source, book: ObjectBook, known: KnownBefore, options: Omit<ListWatchOptions<unknown>, 'handle'>) {
    this.#kube = kube;
    this.#book = book;
    this.#known = known;
    this.#options = options;
    const { start } = options;
    this.#stage = start?.version === undefined ? 'comparing' : 'replaying';
    this.#version = start?.version;
    this.#completeUntil = start?.completeUntil;
    if (start && start.version === undefined) this.#gapFrom = start.completeUntil;
    this.#path = options.path;
    const { labelSelector, fieldSelector } = options;
    this.#selector = {
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
    this.#log = options.log;
    this.#clock = options.clock ?? createClock();
    this.#movedAt = this.#clock.steadyMs();
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

  position(): Position {
    return { version: this.#version, completeUntil: this.#completeUntil };
  }

  stats(): ListWatchStats {
    return {
      ...this.#counts,
      handlerErrors: this.#book.handlerErrors,
      relists: { ...this.#relists },
      lastEventAt: this.#lastEventAt,
      resourceVersion: this.#version,
      objects: this.#book.size,
      live: this.#live,
    };
  }

  isStuck(): boolean {
    const stillMs = this.#clock.steadyMs() - this.#movedAt;
    const isStuck = !this.#stop.signal.aborted && stillMs > stuckAfterMs;
    if (isStuck && !this.#isKnownStuck)
      this.#log.error({ path: this.#path, stage: this.#stage, stillMs: Math.round(stillMs) }, 'a watch is stuck');
    this.#isKnownStuck = isStuck;
    return isStuck;
  }

  #moved(): void {
    this.#movedAt = this.#clock.steadyMs();
  }

  /** The only loop: everything that is asked of the API server is asked from here, one thing at a time. */
  async #run(generation: number): Promise<void> {
    while (generation === this.#generation) {
      this.#moved();
      const delayMs = await this.#listAndWatch(generation);
      this.#moved();
      if (delayMs > 0) await pause(this.#clock, delayMs, this.#stop.signal);
    }
  }

  /** What is due before a watch, then a watch until it ends. Gives back the ms to wait before the next try. */
  async #listAndWatch(generation: number): Promise<number> {
    let openedAt: number | undefined;
    let failure: unknown;
    const onOpen = () => {
      openedAt = this.#clock.steadyMs();
    };
    try {
      if (this.#stage === 'replaying') await this.#replay(generation, onOpen);
      if (this.#stage === 'adding' || this.#stage === 'comparing') await this.#list(generation);
      if (generation === this.#generation) await this.#watch(generation, onOpen);
    } catch (error) {
      failure = error;
    }
    if (generation !== this.#generation) return 0;
    this.#counts.reconnects += 1;
    const wasHealthy = openedAt !== undefined && this.#clock.steadyMs() - openedAt >= healthyAfterMs;
    if (wasHealthy) this.#backOff.reset();
    // A watch that ran its time and is opened anew at once has missed nothing.
    this.#live &&= failure === undefined && wasHealthy;
    const isGone = kubeStatusOf(failure)?.statusCode === 410;
    if (this.#stage === 'replaying' && !isGone && (openedAt !== undefined || kubeStatusOf(failure)))
      this.#countReplay();
    return isGone ? this.#afterGone() : this.#waitAfter(failure, wasHealthy);
  }

  /** Where nobody answers a list would not be answered either, so only other failures count. */
  #countReplay(): void {
    this.#replayFailures += 1;
    if (this.#replayFailures < maxReplayFailures) return;
    this.#log.warn(
      { path: this.#path },
      'what happened since the last time cannot be had now; it comes with the watch',
    );
    this.#stage = 'adding';
  }

  /** A list that was told so between two pages is made again, whatever it is for; a watch that was told so has missed something. */
  #afterGone(): number {
    const isList = this.#stage === 'adding' || this.#stage === 'comparing';
    this.#reason = isList ? 'list_gone' : 'gone';
    if (!isList) {
      this.#stage = 'comparing';
      this.#gapFrom ??= this.#completeUntil;
    }
    this.#log.info({ path: this.#path, reason: this.#reason }, 'the version is too old, listing again');
    return this.#random() * goneJitterMs;
  }

  #waitAfter(failure: unknown, wasHealthy: boolean): number {
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
    const listing = this.#stage === 'adding' ? this.#book.startAdding() : this.#book.startListing();
    let next: string | undefined;
    let pages = 0;
    do {
      const page = await this.#page(next);
      if (generation !== this.#generation) return;
      if (pages === 0) this.#budget.spend(this.#clock.steadyMs());
      pages += 1;
      const version = textAt(page, 'metadata', 'resourceVersion') ?? '';
      if (this.#version === undefined) this.#known.until = version;
      for (const item of itemsOf(page)) listing.see(item);
      next = textAt(page, 'metadata', 'continue') || undefined;
      if (next === undefined) this.#finishList(listing, version);
      else await yieldTurn();
    } while (next !== undefined && generation === this.#generation);
    const ms = Math.round(this.#clock.steadyMs() - startedAt);
    this.#log.info({ path: this.#path, reason: this.#reason, pages, objects: this.#book.size, ms }, 'listed');
  }

  #finishList(listing: Listing, version: string): void {
    listing.finish(version);
    const isOtherHistory = this.#isOtherHistory(version);
    if (isOtherHistory || this.#stage === 'comparing') {
      this.#tellGap();
      this.#version = version;
      this.#completeUntil = this.#clock.wallMs();
    }
    this.#stage = 'watching';
    this.#relists[this.#reason] += 1;
    if (this.#synced) return;
    this.#synced = true;
    this.#options.onSynced?.();
    this.#becomeReady();
  }

  /** A cluster that was restored from a backup counts from an earlier number on; a watch from the later one would never say anything. */
  #isOtherHistory(version: string): boolean {
    if (this.#version === undefined || version === '' || !isNewerVersion(this.#version, version)) return false;
    this.#log.warn({ path: this.#path, from: this.#version, to: version }, 'the cluster has gone back in time');
    this.#gapFrom ??= this.#completeUntil;
    this.#known.until = version;
    return true;
  }

  #tellGap(): void {
    const from = this.#gapFrom;
    this.#gapFrom = undefined;
    if (from === undefined) return;
    const to = this.#clock.wallMs();
    this.#log.warn({ path: this.#path, from: new Date(from).toISOString() }, 'events of some time were missed');
    this.#options.onGap?.({ from: Math.min(from, to), to });
  }

  async #page(next: string | undefined): Promise<unknown> {
    const query = { ...this.#selector, limit: this.#pageLimit, ...(next === undefined ? {} : { continue: next }) };
    try {
      const page = await this.#kube.request({ method: 'GET', path: this.#path, query, signal: this.#stop.signal });
      this.#asOf = this.#clock.wallMs();
      this.#moved();
      return page;
    } catch (error) {
      if (isUnreadable(error)) this.#pageLimit = Math.max(pageSize.least, Math.floor(this.#pageLimit / 2));
      throw error;
    }
  }

  /**
   * What has happened since the start position, until the version that was the latest when it began, or until a bookmark: it says that this
   * was all, but where nothing has happened it never comes. What a replay that ends too early leaves out comes with the watch.
   */
  async #replay(generation: number, onOpen: () => void): Promise<void> {
    const limit = createCut(this.#stop.signal);
    let isOver = false;
    const end = () => {
      isOver = true;
      limit.abort(new Error('the replay is over'));
    };
    const cancel = this.#clock.after(replayLimitMs, end);
    let latest: string | undefined;
    const hasAll = () => latest !== undefined && !isNewerVersion(latest, this.#version ?? '');
    void this.#latest(limit.signal).then((version) => {
      latest = version;
      if (hasAll()) end();
    });
    try {
      for await (const event of this.#events(replaySeconds, limit.signal, onOpen)) {
        if (generation !== this.#generation) return;
        this.#takeEvent(event);
        if (event.type === 'BOOKMARK' || hasAll()) break;
      }
    } catch (error) {
      if (!isOver) throw error;
    } finally {
      cancel();
      limit.abort(new Error('the replay is over'));
      limit.end();
    }
    if (generation === this.#generation) this.#stage = 'adding';
  }

  /** The version of the whole collection; undefined where it cannot be had. */
  async #latest(signal: AbortSignal): Promise<string | undefined> {
    const query = { ...this.#selector, limit: 1 };
    const page = await this.#kube.request({ method: 'GET', path: this.#path, query, signal }).catch(() => undefined);
    return textAt(page, 'metadata', 'resourceVersion') || undefined;
  }

  async #watch(generation: number, onOpen: () => void): Promise<void> {
    const { least, most } = watchSeconds;
    const seconds = Math.round(least + this.#random() * (most - least));
    const opened = () => {
      onOpen();
      this.#opened();
    };
    for await (const event of this.#events(seconds, this.#stop.signal, opened)) {
      if (generation !== this.#generation) return;
      this.#takeEvent(event);
    }
  }

  #events(timeoutSeconds: number, signal: AbortSignal, onOpen: () => void): AsyncGenerator<WatchEvent> {
    return watchStream(this.#kube, {
      path: this.#path,
      query: {
        ...this.#selector,
        watch: true,
        allowWatchBookmarks: true,
        timeoutSeconds,
        resourceVersion: this.#version ?? '',
      },
      clock: this.#clock,
      signal,
      onOpen,
      onBytes: () => {
        this.#asOf = this.#clock.wallMs();
        this.#moved();
      },
      onOversized: () => {
        this.#counts.oversized += 1;
        this.#log.warn({ path: this.#path }, 'an event over the size cap was dropped');
      },
    });
  }

  #opened(): void {
    this.#live = true;
    this.#asOf = this.#clock.wallMs();
    if (this.#inTrouble) this.#log.info({ path: this.#path, resourceVersion: this.#version }, 'the watch is back');
    this.#inTrouble = false;
  }

  #takeEvent({ type, object }: WatchEvent): void {
    if (type === 'BOOKMARK') this.#counts.bookmarks += 1;
    else this.#takeChange(type, object);
    this.#version = textAt(object, 'metadata', 'resourceVersion') ?? this.#version;
    this.#completeUntil = this.#clock.wallMs();
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

/**
 * Whether an answer came but was too long or broken: smaller pages then help, or the large objects of one tool would keep everyone's
 * list from ever being complete. Failures of the connection carry a code.
 */
function isUnreadable(error: unknown): boolean {
  if (kubeStatusOf(error) !== undefined) return false;
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && !('code' in cause);
}
