/**
 * What is kept of one tool's mail: gathered events, at most one mail on its way, mails given up, and what is needed so that nothing counts
 * twice. machines/mail-queue.ts changes it, mail/ writes, composes and sends it, the server shows it. Plain data: it is saved as it stands.
 * Times are ms since the epoch.
 */
import {
  type FailureReason,
  type KubeKind,
  type LastGood,
  type MailLogRow,
  type MemoryAdvice,
  type Notice,
  typeOfKind,
  type WhatRan,
} from './domain.ts';
import type { MailSettings } from './settings.ts';

/** How an attempt to send ends. `recorded`: sending is switched off. `deferred` and `refused` are tried again, `parked` are not. */
export const mailAttempts = ['sent', 'recorded', 'deferred', 'refused', 'parked'] as const;
export type MailAttempt = (typeof mailAttempts)[number];

export interface Mailbox {
  readonly v: 1;
  /** Whose; equal to the name of the file. */
  readonly tool: string;
  /** Gathered and not in any mail yet, oldest first. */
  readonly open: readonly GatheredNotice[];
  /** Events that would have been in `open`, were it not full. */
  readonly folded: number;
  /** When the first of what is to be told came; undefined exactly while there is nothing. */
  readonly openedAt: number | undefined;
  /** The mail on its way. Its bytes never change. */
  readonly sealed: SealedMail | undefined;
  /** When the last mail was sealed; 0 for never. */
  readonly lastSealedAt: number;
  /** Attempts to send `sealed` that failed, and how many of them the server answered with 5xx. */
  readonly tries: number;
  readonly refusals: number;
  readonly firstTriedAt: number | undefined;
  /** When it may be tried again; undefined before the first failure. */
  readonly retryAt: number | undefined;
  /** Given up: kept until an operator has it retried or dropped. */
  readonly parked: readonly ParkedMail[];
  /** Mails of the last 24 hours, oldest first. */
  readonly sent: readonly SentMail[];
  readonly day: MailDay;
  /** Jobs that have failed and not done well since. */
  readonly incidents: readonly Incident[];
  /** Ids of notices that were counted, newest last, so that none counts twice. */
  readonly counted: readonly string[];
  /** End of the last gap that a mail has told of; 0 for none. */
  readonly gapsToldUntil: number;
  /** The tool's webhook takes nothing, and no mail has told of it yet. */
  readonly webhookTrouble: WebhookTrouble | undefined;
  /** Since when the trouble lasted that a mail has told of last; 0 for none. */
  readonly webhookToldSince: number;
}

export interface GatheredNotice {
  readonly notice: Notice;
  /** `recovered` stands for the success or steady run that ended an incident. */
  readonly as: 'event' | 'recovered';
  /** The incident it belongs to, as it was then; undefined for what is no failure and no recovery. */
  readonly incident: Incident | undefined;
  /** What was collected of it; undefined until that is done, or where it failed. */
  readonly details: NoticeDetails | undefined;
}

export interface NoticeDetails {
  /** Last lines of output, oldest first, as the job wrote them: anything may be in them. */
  readonly lines: readonly string[];
  /** Where the lines come from: `daily.err`, or `output of the container`. */
  readonly linesFrom: string | undefined;
  /** Why there are no lines, in words. */
  readonly linesMissing: string | undefined;
  /** Why the cluster made no pod, in its words. */
  readonly refusal: string | undefined;
  /** The last good run before it, and what it ran. */
  readonly lastGood: LastGood | undefined;
  /** Of what ran out of memory. */
  readonly memory?: MemoryAdvice | undefined;
}

/** Failures of one job in a row. One incident is one thread of mails. */
export interface Incident {
  readonly kind: KubeKind;
  readonly name: string;
  /** The life of the job it is about. */
  readonly jobUid: string | undefined;
  /** What failed last: a failure of something else is news. */
  readonly ran: WhatRan | undefined;
  /** Causes that were told: another cause is news. */
  readonly reasons: readonly FailureReason[];
  readonly since: number;
  readonly failures: number;
  /** When the last failure happened. */
  readonly lastAt: number;
  /** When a failure of it was last gathered for a mail. */
  readonly toldAt: number;
  /** Message-ID of the first mail that told of it: what later ones refer to. Undefined before that mail is sealed. */
  readonly thread: string | undefined;
}

export interface SealedMail {
  /** `<…@…>` */
  readonly messageId: string;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  /** The message as it goes over the wire, dots not yet stuffed; ASCII. */
  readonly bytes: string;
  readonly sealedAt: number;
  /** What it tells of. */
  readonly notices: readonly NoticeRef[];
  /** End of the last gap that it tells of; 0 for none. */
  readonly gapsUntil: number;
}

/** Enough of a notice to say in the mail log what became of it. */
export type NoticeRef = Pick<MailLogRow, 'id' | 'at' | 'jobType' | 'jobName' | 'kind' | 'reason'>;

export interface ParkedMail extends SealedMail {
  readonly parkedAt: number;
  readonly tries: number;
  /** What the server said last, or what failed. */
  readonly why: string;
  /** An operator wants it tried again; its turn comes when no other mail is on its way. */
  readonly isRetried: boolean;
}

export interface SentMail {
  readonly messageId: string;
  readonly sentAt: number;
  readonly subject: string;
  /** False where sending was switched off: it was recorded, and went nowhere. */
  readonly isSent: boolean;
}

export interface MailDay {
  /** UTC, `2026-11-28`. */
  readonly date: string;
  /** Mails sealed on it. */
  readonly mails: number;
}

/** A webhook that takes nothing. */
export interface WebhookTrouble {
  readonly since: number;
  /** What the last attempt met, in words. */
  readonly why: string;
}

/** A time of which the cluster could not tell us everything afterwards. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

export function emptyMailbox(tool: string): Mailbox {
  return {
    v: 1,
    tool,
    open: [],
    folded: 0,
    openedAt: undefined,
    sealed: undefined,
    lastSealedAt: 0,
    tries: 0,
    refusals: 0,
    firstTriedAt: undefined,
    retryAt: undefined,
    parked: [],
    sent: [],
    day: { date: '', mails: 0 },
    incidents: [],
    counted: [],
    gapsToldUntil: 0,
    webhookTrouble: undefined,
    webhookToldSince: 0,
  };
}

export function refOf({ id, at, key, kind, reason }: Notice): NoticeRef {
  return { id, at, jobType: typeOfKind[key.kind], jobName: key.name, kind, reason };
}

/** Whether the mail that is made now is the last one of its day. */
export function isLastOfDay({ day }: Mailbox, settings: Pick<MailSettings, 'perDay'>, now: number): boolean {
  return (day.date === dateOf(now) ? day.mails : 0) + 1 >= settings.perDay;
}

/** UTC. @example dateOf(0) -> '1970-01-01' */
export function dateOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
