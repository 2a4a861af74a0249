/**
 * The mail of all tools: one running queue for each, by name, and its file kept equal to it. Made by daemon.ts, fed with the notices of the
 * job actors. An event counts when the file of its tool is on disk: settled() tells, and what may be forgotten elsewhere waits for it.
 */
import { type ActorOptions, createActor, fromPromise } from 'xstate';
import { type MailLogRow, type Notice, Tool } from '../domain.ts';
import type { Log } from '../log.ts';
import {
  emptyMailbox,
  type MailAttempt,
  type Mailbox,
  type NoticeDetails,
  type SealedMail,
  type WebhookTrouble,
} from '../mailbox.ts';
import { atMost } from '../time-limit.ts';
import { type MailQueueActor, type MailQueueEvent, type MailSurroundings, mailQueueMachine } from './mail-queue.ts';
import { dropAll } from './mailbox-changes.ts';
import { mailRules, type SendingRules } from './sending-rules.ts';

export interface MailEffects {
  /** Composes; the bytes are fixed from then on. Rejects only by a defect of ours. */
  seal(mailbox: Mailbox): Promise<SealedMail>;
  /** Resolves when this state or a later one of that tool is on disk. */
  save(mailbox: Mailbox): Promise<void>;
  /** `isSent` false: sending is switched off. @throws AppError `mail.deferred`, `mail.refused` */
  deliver(mail: SealedMail, signal: AbortSignal): Promise<{ readonly isSent: boolean }>;
}

/** For metrics; times in ms. */
export interface MailObserver {
  /** From the event to its being on disk. */
  durable(ms: number): void;
  /** From the time a mail was due to the server's having taken it. */
  handedOver(ms: number): void;
  attempted(as: MailAttempt): void;
}

export interface MailRosterOptions {
  /** As they were on disk at the start. */
  readonly saved: readonly Mailbox[];
  readonly effects: MailEffects;
  settings: MailSurroundings['settings'];
  /** Unset: those of mail. */
  readonly rules?: SendingRules;
  /** Ms since the epoch. */
  now(): number;
  /** 0 ≤ n < 1; unset: Math.random. */
  readonly random?: () => number;
  readonly log: Log;
  readonly observer: MailObserver;
  /** What became of which events; must not throw. */
  onAccounted(tool: string, rows: readonly MailLogRow[]): void;
  /** Over how long mails that are due at the start are spread, and after a failure of ours. Unset: 10 s. */
  readonly spreadMs?: number;
  /** What the queues wait with. Unset: the system's timers. */
  readonly clock?: ActorOptions<typeof mailQueueMachine>['clock'];
  /** Unset: the mail queue machine. Tests hand in one with a mistake in it. */
  readonly machine?: typeof mailQueueMachine;
}

export interface MailStats {
  readonly mailboxes: number;
  /** Events that wait for a mail to be made. */
  readonly gathered: number;
  /** Mails on their way. */
  readonly sealed: number;
  readonly parked: number;
  /** When the oldest event or mail that is not parked began to wait; undefined where none does. */
  readonly oldestAt: number | undefined;
  /** Mailboxes that the disk has not taken yet. */
  readonly unsaved: number;
  /** Queues that failed, since the start. */
  readonly failures: number;
}

export interface MailRoster {
  /** Counts it at once; durable when settled() says so. Never throws. */
  accept(notice: Notice): void;
  /** What was collected of an event; nothing where it does not wait any more. */
  addDetails(tool: string, noticeId: string, details: NoticeDetails): void;
  /** The tool's webhook takes nothing: a mail tells of it, once for each such time. */
  addWebhookTrouble(tool: string, trouble: WebhookTrouble): void;
  /** Whether an event waits for a mail, and nothing was collected of it yet. */
  isWaiting(notice: Notice): boolean;
  /** Resolves when everything accepted before is on disk; pending while the disk refuses. Never rejects. */
  settled(): Promise<void>;
  find(tool: string): Mailbox | undefined;
  all(): Iterable<Mailbox>;
  /** @returns false where the tool has no parked mail of this Message-ID */
  retry(tool: string, messageId: string): boolean;
  drop(tool: string, messageId: string): boolean;
  /** To be called when settings have changed, those of one tool or of all: what is due when is reckoned anew. */
  replan(tool?: string): void;
  /** What is kept of a tool begins anew; the events that wait are dropped. */
  reset(tool: string, why: string): void;
  stats(): MailStats;
  /** Waits for attempts under way, 3 s at most, and for the disk, 5 s at most. */
  stop(): Promise<void>;
}

interface Entry {
  readonly tool: string;
  actor: MailQueueActor;
  /** As the actor had it last; after its failure that is what it goes on with. */
  box: Mailbox;
  /** When `box` first differed from what the disk has. */
  unsavedSince: number;
  /** What its actor is working on. */
  inHand: MailQueueEvent | undefined;
  failures: number;
  timer: NodeJS.Timeout | undefined;
  /** Who waits until the disk has what `box` is now. */
  waiters: (() => void)[];
}

const stopGraceMs = 5_000;
const handOverGraceMs = 3_000;
const save = { firstPauseMs: 500, longestPauseMs: 30_000 };

export function createMailRoster(options: MailRosterOptions): MailRoster {
  const {
    effects,
    log,
    observer,
    onAccounted,
    now,
    random = Math.random,
    rules = mailRules,
    machine = mailQueueMachine,
    spreadMs = 10_000,
  } = options;
  const entries = new Map<string, Entry>();
  const dirty = new Set<Entry>();
  const around: MailSurroundings = { rules, settings: options.settings, now, random };
  let failures = 0;
  let isStopping = false;

  const provided = machine.provide({
    actors: {
      seal: fromPromise(({ input: { box } }) => sealed(box)),
      store: fromPromise(({ input: { box } }) => stored(box.tool)),
      deliver: fromPromise(({ input: { mail }, signal }) => effects.deliver(mail, signal)),
    },
  });

  /** A tool whose mails cannot be made hears nothing; an operator must. */
  async function sealed(box: Mailbox): Promise<SealedMail> {
    try {
      return await effects.seal(box);
    } catch (error) {
      log.error({ tool: box.tool, err: error }, 'a mail could not be composed; it is tried again, nothing is lost');
      throw error;
    }
  }

  /** @param notBefore for mails of a former life of the daemon */
  function open(tool: string, box: Mailbox, notBefore?: number): Entry {
    const entry: Entry = {
      tool,
      actor: undefined as never,
      box,
      unsavedSince: 0,
      inHand: undefined,
      failures: 0,
      timer: undefined,
      waiters: [],
    };
    entries.set(tool, entry);
    begin(entry, notBefore);
    return entry;
  }

  function begin(entry: Entry, notBefore = 0): void {
    const input = { saved: entry.box, around, notBefore };
    const actor = createActor(provided, { input, ...(options.clock ? { clock: options.clock } : {}) });
    entry.actor = actor;
    actor.on('accounted', ({ rows }) => onAccounted(entry.tool, rows));
    actor.on('attempted', ({ as, lateMs }) => {
      observer.attempted(as);
      noteServer(entry, as);
      if (as === 'sent') observer.handedOver(lateMs);
    });
    actor.subscribe({
      next: ({ context }) => {
        if (context.box !== entry.box) changed(entry, context.box);
      },
      error: (error) => revive(entry, error),
    });
    actor.start();
  }

  /**
   * Queues that were put off since a mail was last taken. Several at once: the mail server was away, and the first mail that it takes tells
   * the others. A single one has trouble of its own, with which it waits by itself.
   */
  const putOff = new Set<Entry>();

  function noteServer(entry: Entry, as: MailAttempt): void {
    if (!rules.hasOneServer) return;
    if (as === 'deferred') putOff.add(entry);
    // Who was refused meanwhile has been heard by the server, and waits as long as a refusal makes it.
    else putOff.delete(entry);
    if (as !== 'sent') return;
    const others = putOff.size > 1 ? [...putOff] : [];
    putOff.clear();
    for (const other of others) send(other, { type: 'server.returned' });
  }

  /** A queue that fails is a mistake of ours; it begins anew from its mailbox, which holds everything but what it was working on. */
  function revive(entry: Entry, error: unknown): void {
    failures += 1;
    log.error({ tool: entry.tool, err: error }, 'a mail queue failed and begins anew');
    const { inHand } = entry;
    entry.inHand = undefined;
    if (isStopping) return;
    // Not at once: what made it fail may come again.
    begin(entry, now() + spreadMs);
    // Once more and no more often: a second failure over it finds nothing in hand.
    if (inHand) entry.actor.send(inHand);
  }

  function changed(entry: Entry, box: Mailbox): void {
    entry.box = box;
    if (!dirty.has(entry)) entry.unsavedSince = performance.now();
    dirty.add(entry);
    if (entry.timer === undefined) void write(entry);
  }

  async function write(entry: Entry): Promise<void> {
    const { box } = entry;
    const waiters = entry.waiters.splice(0);
    try {
      await effects.save(box);
    } catch (error) {
      entry.waiters.push(...waiters);
      refused(entry, error);
      return;
    }
    for (const answer of waiters) answer();
    if (entry.failures > 0) log.info({ tool: entry.tool }, 'the mailbox is on disk again');
    entry.failures = 0;
    // What came meanwhile has a write of its own, which is under way.
    if (entry.box !== box) return;
    observer.durable(performance.now() - entry.unsavedSince);
    dirty.delete(entry);
    for (const answer of entry.waiters.splice(0)) answer();
  }

  function refused(entry: Entry, error: unknown): void {
    entry.failures += 1;
    if (entry.failures === 1)
      log.error({ tool: entry.tool, err: error }, 'a mailbox cannot be written; it is tried again, nothing is lost');
    if (entry.timer !== undefined || isStopping) return;
    const pauseMs = Math.min(save.longestPauseMs, save.firstPauseMs * 2 ** Math.min(entry.failures - 1, 10));
    entry.timer = setTimeout(() => {
      entry.timer = undefined;
      if (dirty.has(entry)) void write(entry);
    }, pauseMs);
  }

  /** Resolves when the disk has what the mailbox is now. */
  function stored(tool: string): Promise<void> {
    const entry = entries.get(tool);
    if (!entry) return Promise.resolve();
    // The actor asks in the middle of a step; what that step changes is known to us at its end.
    return Promise.resolve().then(() =>
      dirty.has(entry) ? new Promise<void>((answer) => entry.waiters.push(answer)) : undefined,
    );
  }

  function accept(notice: Notice): void {
    const tool = Tool.ofNamespace(notice.key.namespace)?.name;
    if (tool === undefined || isStopping) return;
    send(entries.get(tool) ?? open(tool, emptyMailbox(tool)), { type: 'notice.added', notice });
  }

  function send(entry: Entry | undefined, event: MailQueueEvent): void {
    if (!entry) return;
    entry.inHand = event;
    entry.actor.send(event);
    entry.inHand = undefined;
  }

  function ask(tool: string, event: Extract<MailQueueEvent, { messageId: string }>): boolean {
    const entry = entries.get(tool);
    const isThere = entry?.box.parked.some(({ messageId }) => messageId === event.messageId) ?? false;
    if (isThere) send(entry, event);
    return isThere;
  }

  for (const box of options.saved) open(box.tool, box, now() + random() * spreadMs);

  return {
    accept,
    addDetails: (tool, id, details) => send(entries.get(tool), { type: 'details.found', id, details }),
    addWebhookTrouble(tool, trouble) {
      if (isStopping) return;
      send(entries.get(tool) ?? open(tool, emptyMailbox(tool)), { type: 'webhook.failed', trouble });
    },
    isWaiting(notice) {
      const tool = Tool.ofNamespace(notice.key.namespace)?.name;
      const box = tool === undefined ? undefined : entries.get(tool)?.box;
      return box?.open.some((one) => one.notice.id === notice.id && one.details === undefined) ?? false;
    },
    async settled() {
      await Promise.all([...dirty].map(({ waiters }) => new Promise<void>((answer) => waiters.push(answer))));
    },
    find: (tool) => entries.get(tool)?.box,
    *all() {
      for (const { box } of entries.values()) yield box;
    },
    retry: (tool, messageId) => ask(tool, { type: 'retry.requested', messageId }),
    drop: (tool, messageId) => ask(tool, { type: 'drop.requested', messageId }),
    replan(tool) {
      const meant = tool === undefined ? [...entries.values()] : [entries.get(tool)];
      for (const entry of meant) send(entry, { type: 'settings.changed' });
    },
    reset(tool, why) {
      const entry = entries.get(tool);
      if (!entry || isStopping) return;
      entry.actor.stop();
      const { box, rows } = dropAll(entry.box, why, now());
      if (rows.length > 0) onAccounted(tool, rows);
      changed(entry, box);
      begin(entry);
    },
    stats: () => ({ ...statsOf(entries.values()), mailboxes: entries.size, unsaved: dirty.size, failures }),
    async stop() {
      isStopping = true;
      const handingOver = new Set([...entries.values()].filter(isHandingOver));
      for (const entry of entries.values()) {
        clearTimeout(entry.timer);
        if (!handingOver.has(entry)) entry.actor.stop();
      }
      // A mail whose last byte has gone would come a second time if nobody waited for the answer.
      await atMost(Promise.all([...handingOver].map(whenHandedOver)), handOverGraceMs);
      for (const { actor } of handingOver) actor.stop();
      await atMost(Promise.all([...dirty].map(write)), stopGraceMs);
      if (dirty.size > 0)
        log.error({ mailboxes: dirty.size }, 'the disk did not take the last events; they are read again at the start');
    },
  };
}

function statsOf(entries: Iterable<Entry>): Pick<MailStats, 'gathered' | 'sealed' | 'parked' | 'oldestAt'> {
  let [gathered, sealed, parked, oldestAt] = [0, 0, 0, Number.POSITIVE_INFINITY];
  for (const { box } of entries) {
    gathered += box.open.length + box.folded;
    sealed += box.sealed ? 1 : 0;
    parked += box.parked.length;
    oldestAt = Math.min(oldestAt, box.openedAt ?? oldestAt, box.sealed?.sealedAt ?? oldestAt);
  }
  return { gathered, sealed, parked, oldestAt: Number.isFinite(oldestAt) ? oldestAt : undefined };
}

function isHandingOver({ actor }: Entry): boolean {
  return actor.getSnapshot().hasTag('handing over');
}

function whenHandedOver(entry: Entry): Promise<void> {
  return new Promise((resolve) => {
    const { unsubscribe } = entry.actor.subscribe(() => {
      if (isHandingOver(entry)) return;
      unsubscribe();
      resolve();
    });
  });
}
