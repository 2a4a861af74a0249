/**
 * One tool's outgoing mail. All that it is stands in its mailbox, which is on disk before anything is done about it: a mail is tried only
 * when its bytes are there, and the next one made only when the former is known there as sent. So whatever cuts this off, starting again
 * from the file goes on with the same bytes, or with the same events. Made and fed by mail-roster.ts; the effects come from the hallway.
 *
 *  idle --something is due, now or later--> waiting --due, or to be tried--> …
 *
 *  waiting --events--> sealing --composed--> storing --on disk--> sending --taken---------> recording --on disk--> idle
 *     ^                   |                                          | |---refused for good---^
 *     |-------failed------'                                          '---not now---> waiting
 *
 *  In every state events come, details of them, and what an operator wants of parked mails.
 */
import { type ActorRefFrom, assign, emit, enqueueActions, fromPromise, setup } from 'xstate';
import type { MailLogRow, Notice } from '../domain.ts';
import { errorTable, toAppError } from '../errors.ts';
import type { MailAttempt, Mailbox, NoticeDetails, SealedMail, WebhookTrouble } from '../mailbox.ts';
import { longestTimerMs } from '../time-limit.ts';
import * as changes from './mailbox-changes.ts';
import type { SendingRules } from './sending-rules.ts';

/** What the queue looks at beside its mailbox, at the moment of use. */
export interface MailSurroundings {
  readonly rules: SendingRules;
  settings(): changes.DueSettings;
  /** Ms since the epoch. */
  now(): number;
  /** 0 ≤ n < 1 */
  random(): number;
}

interface MailQueueContext {
  readonly box: Mailbox;
  readonly around: MailSurroundings;
  /** Nothing is due before it: after a start mails are spread. */
  readonly notBefore: number;
  /** Since when the mail on its way has been due. */
  readonly dueSince: number;
  /** The mail server is back, or is another one: the mail that waits to be tried again need not wait longer than until then. */
  readonly retryFrom: number | undefined;
  /** What goes into the mail that is being sealed. */
  readonly batch: changes.Batch;
}

export interface MailQueueInput {
  readonly saved: Mailbox;
  readonly around: MailSurroundings;
  readonly notBefore?: number;
}

export type MailQueueEvent =
  | { readonly type: 'notice.added'; readonly notice: Notice }
  | { readonly type: 'details.found'; readonly id: string; readonly details: NoticeDetails }
  | { readonly type: 'webhook.failed'; readonly trouble: WebhookTrouble }
  | { readonly type: 'retry.requested'; readonly messageId: string }
  | { readonly type: 'drop.requested'; readonly messageId: string }
  | { readonly type: 'settings.changed' }
  /** It has taken a mail after it had taken none. */
  | { readonly type: 'server.returned' };

/** What became of which event; `ended` once for each attempt to send. */
export type MailQueueEmitted =
  | { readonly type: 'accounted'; readonly rows: readonly MailLogRow[] }
  | { readonly type: 'attempted'; readonly as: MailAttempt; readonly lateMs: number };

const retrySealMs = 60_000;
/** Over so long those are spread who all hear at once that the mail server is back, or another one. */
const hurrySpreadMs = 10_000;

const notProvided = () => Promise.reject(new Error('the hallway has not provided this'));

export const mailQueueMachine = setup({
  types: {
    context: {} as MailQueueContext,
    input: {} as MailQueueInput,
    events: {} as MailQueueEvent,
    emitted: {} as MailQueueEmitted,
    /** A mail is on its way to the server, or to being known on disk as sent. */
    tags: {} as 'handing over',
  },
  actors: {
    /** Composes; the bytes are fixed from then on. */
    seal: fromPromise<SealedMail, { readonly box: Mailbox }>(notProvided),
    /** Resolves when this state of the mailbox or a later one is on disk. */
    store: fromPromise<void, { readonly box: Mailbox }>(notProvided),
    /** Rejects with an AppError `mail.deferred` or `mail.refused`; anything else counts as the former. */
    deliver: fromPromise<{ readonly isSent: boolean }, { readonly tool: string; readonly mail: SealedMail }>(
      notProvided,
    ),
  },
  delays: {
    untilDue: ({ context }) => clamp(whenDue(context) - context.around.now()),
    beforeSealingAgain: retrySealMs,
  },
  guards: {
    hasWork: ({ context: { box } }) => box.sealed !== undefined || box.openedAt !== undefined || changes.hasRetry(box),
    isSealed: ({ context: { box } }) => box.sealed !== undefined,
    /** Not taken, and never refused: what is wrong may be the settings, which need not be so any more. */
    isPutOff: ({ context: { box } }) => box.sealed !== undefined && box.tries > 0 && box.refusals === 0,
    isRetryNext: ({ context: { box } }) => box.sealed === undefined && changes.hasRetry(box),
    mayTryAgain: ({ context: { box, around } }, { failure }: { failure: changes.Failure }) =>
      changes.mayTryAgain(box, failure, around.rules, around.now()),
  },
  actions: {
    take: enqueueActions(({ context: { box, around }, enqueue }, { notice }: { notice: Notice }) =>
      apply(enqueue, changes.take(box, notice, around.now())),
    ),
    wantRetry: enqueueActions(({ context: { box, around }, enqueue }, { messageId }: { messageId: string }) =>
      apply(enqueue, changes.wantRetry(box, messageId, around.now())),
    ),
    drop: enqueueActions(({ context: { box, around }, enqueue }, { messageId }: { messageId: string }) =>
      apply(enqueue, changes.drop(box, messageId, around.now())),
    ),
    addDetails: assign(({ context: { box } }, { id, details }: { id: string; details: NoticeDetails }) => ({
      box: changes.addDetails(box, id, details),
    })),
    noteWebhook: assign(({ context: { box, around } }, { trouble }: { trouble: WebhookTrouble }) => ({
      box: changes.noteWebhook(box, trouble, around.now()),
    })),
    unpark: assign(({ context: { box } }) => ({ box: changes.unpark(box) })),
    hurry: assign(({ context: { around } }) => ({ retryFrom: around.now() + around.random() * hurrySpreadMs })),
    noteDue: assign(({ context }) => ({ dueSince: whenDue(context), retryFrom: undefined })),
    takeBatch: assign(({ context: { box, around } }) => ({
      batch: {
        events: Math.min(box.open.length, around.rules.batch),
        folded: box.folded,
        trouble: box.webhookTrouble,
      },
    })),
    keepSealed: enqueueActions(({ context: { box, batch }, enqueue }, { mail }: { mail: SealedMail }) =>
      apply(enqueue, changes.seal(box, mail, batch)),
    ),
    settle: enqueueActions(({ context: { box, around }, enqueue }, { isSent }: { isSent: boolean }) =>
      apply(enqueue, changes.settle(box, isSent, around.rules, around.now())),
    ),
    backOff: enqueueActions(({ context: { box, around }, enqueue }, { failure }: { failure: changes.Failure }) => {
      apply(enqueue, changes.defer(box, failure, around.rules, around.now(), around.random()));
      if (failure.isRefusal) enqueue.assign({ retryFrom: undefined });
    }),
    park: enqueueActions(({ context: { box, around }, enqueue }, { failure }: { failure: changes.Failure }) =>
      apply(enqueue, changes.park(box, failure.why, around.rules, around.now())),
    ),
    tellAttempt: emit(({ context }, { as }: { as: MailAttempt }) => ({
      type: 'attempted' as const,
      as,
      lateMs: Math.max(0, context.around.now() - context.dueSince),
    })),
  },
}).createMachine({
  id: 'mail-queue',
  context: ({ input }) => ({
    box: input.saved,
    around: input.around,
    notBefore: input.notBefore ?? 0,
    dueSince: 0,
    retryFrom: undefined,
    batch: { events: 0, folded: 0, trouble: undefined },
  }),
  initial: 'idle',
  on: {
    'notice.added': { actions: { type: 'take', params: ({ event }) => event } },
    'details.found': { actions: { type: 'addDetails', params: ({ event }) => event } },
    'webhook.failed': { actions: { type: 'noteWebhook', params: ({ event }) => event } },
    'retry.requested': { actions: { type: 'wantRetry', params: ({ event }) => event } },
    'drop.requested': { actions: { type: 'drop', params: ({ event }) => event } },
  },
  states: {
    idle: { always: { guard: 'hasWork', target: 'waiting' } },
    waiting: {
      always: { guard: 'isRetryNext', actions: 'unpark', target: 'waiting', reenter: true },
      after: {
        untilDue: [
          { guard: 'isSealed', target: 'storing', actions: 'noteDue' },
          { target: 'sealing', actions: 'noteDue' },
        ],
      },
      on: {
        'settings.changed': [
          { guard: 'isPutOff', actions: 'hurry', target: 'waiting', reenter: true },
          { target: 'waiting', reenter: true },
        ],
        'server.returned': { guard: 'isSealed', actions: 'hurry', target: 'waiting', reenter: true },
      },
    },
    sealing: {
      entry: 'takeBatch',
      invoke: {
        id: 'seal',
        src: 'seal',
        input: ({ context: { box } }) => ({ box }),
        onDone: { target: 'storing', actions: { type: 'keepSealed', params: ({ event }) => ({ mail: event.output }) } },
        onError: 'failing',
      },
    },
    /** Composing failed, which is a defect of ours: nothing was taken out of the mailbox, and it is tried again. */
    failing: { after: { beforeSealingAgain: 'idle' } },
    storing: {
      invoke: {
        id: 'store',
        src: 'store',
        input: ({ context: { box } }) => ({ box }),
        onDone: 'sending',
        onError: 'waiting',
      },
    },
    sending: {
      tags: 'handing over',
      // What is under way goes by the settings that it began with; should it fail, the new ones are tried soon.
      on: { 'settings.changed': { actions: 'hurry' } },
      invoke: {
        id: 'deliver',
        src: 'deliver',
        input: ({ context: { box } }) => ({ tool: box.tool, mail: box.sealed as SealedMail }),
        onDone: {
          target: 'recording',
          actions: [
            {
              type: 'tellAttempt',
              params: ({ event }) => ({ as: event.output.isSent ? 'sent' : 'recorded' }),
            },
            { type: 'settle', params: ({ event }) => event.output },
          ],
        },
        onError: [
          {
            guard: { type: 'mayTryAgain', params: ({ event }) => ({ failure: failureOf(event.error) }) },
            target: 'waiting',
            actions: [
              {
                type: 'tellAttempt',
                params: ({ event }) => ({ as: failureOf(event.error).isRefusal ? 'refused' : 'deferred' }),
              },
              { type: 'backOff', params: ({ event }) => ({ failure: failureOf(event.error) }) },
            ],
          },
          {
            target: 'recording',
            actions: [
              { type: 'tellAttempt', params: () => ({ as: 'parked' }) },
              { type: 'park', params: ({ event }) => ({ failure: failureOf(event.error) }) },
            ],
          },
        ],
      },
    },
    recording: {
      tags: 'handing over',
      invoke: {
        id: 'record',
        src: 'store',
        input: ({ context: { box } }) => ({ box }),
        onDone: 'idle',
        onError: { target: 'recording', reenter: true },
      },
    },
  },
});

export type MailQueueActor = ActorRefFrom<typeof mailQueueMachine>;

interface Enqueue {
  assign(changed: Partial<MailQueueContext>): void;
  emit(event: MailQueueEmitted): void;
}

function apply(enqueue: Enqueue, { box, rows }: changes.Change): void {
  enqueue.assign({ box });
  if (rows.length > 0) enqueue.emit({ type: 'accounted', rows });
}

function whenDue({ box, around, notBefore, retryFrom = Number.POSITIVE_INFINITY }: MailQueueContext): number {
  const now = around.now();
  const at = box.sealed
    ? Math.min(retryFrom, changes.retryAt(box, around.rules, now))
    : (changes.dueAt(box, around.settings(), now) ?? now);
  return Math.max(notBefore, at);
}

function clamp(delayMs: number): number {
  return Math.min(longestTimerMs, Math.max(0, delayMs));
}

function failureOf(error: unknown): changes.Failure {
  const { code, message } = toAppError(error);
  return { isRefusal: errorTable[code].retry === 'few', why: message };
}
