/**
 * Every way in which a mailbox changes, as one function each: mailbox in, mailbox out, and rows for the mail log that say what became of
 * which event. Called by mail-queue.ts, which says when. Pure. Times are ms since the epoch.
 */
import type { MailLogRow, MailState, Notice } from '../domain.ts';
import {
  dateOf,
  emptyMailbox,
  type GatheredNotice,
  type Incident,
  type Mailbox,
  type NoticeDetails,
  refOf,
  type SealedMail,
  type WebhookTrouble,
} from '../mailbox.ts';
import type { MailSettings } from '../settings.ts';
import { judge, type Verdict } from './notify-policy.ts';
import type { SendingRules } from './sending-rules.ts';

export interface Change {
  readonly box: Mailbox;
  readonly rows: readonly MailLogRow[];
}

const dayMs = 24 * 60 * 60 * 1000;
const noRows: readonly MailLogRow[] = [];

const limits = {
  /** Events of one mail. */
  open: 200,
  /** Events that are remembered, so that none counts twice: many more than come back after a restart. */
  counted: 2_000,
  incidents: 500,
  incidentMs: 30 * dayMs,
  sentMs: dayMs,
} as const;

/** Where the server refuses a message: three tries over an hour at least. */
const refused = { tries: 3, pauseMs: 1_800_000, jitter: 0.2 } as const;

/** An event comes. The very same mailbox where it changes nothing that has to be kept. */
export function take(box: Mailbox, notice: Notice, now: number): Change {
  const incident = box.incidents.find((one) => isAbout(one, notice));
  const verdict = judge({ notice, incident, mailbox: box, now });
  switch (verdict.is) {
    case 'ignored':
      return { box, rows: noRows };
    case 'withheld':
      return { box, rows: [rowOf(notice, 'withheld', now, verdict.why)] };
    case 'counted':
      return {
        box: { ...counted(box, notice), incidents: withFailure(box, notice, incident, now, false).incidents },
        rows: [rowOf(notice, 'withheld', now, verdict.why)],
      };
    case 'silent recovery':
      return { box: { ...counted(box, notice), incidents: without(box, incident) }, rows: noRows };
    case 'gathered':
    case 'recovery':
      return gather(box, notice, incident, verdict, now);
  }
}

function gather(box: Mailbox, notice: Notice, before: Incident | undefined, { is }: Verdict, now: number): Change {
  const isRecovery = is === 'recovery';
  const { incident, incidents } = isRecovery
    ? { incident: before, incidents: without(box, before) }
    : withFailure(box, notice, before, now, true);
  const next = { ...counted(box, notice), incidents, openedAt: box.openedAt ?? now };
  if (box.open.length >= limits.open) {
    const why = `more than ${limits.open} events wait to be told; of those beyond them only the number is told`;
    return { box: { ...next, folded: box.folded + 1 }, rows: [rowOf(notice, 'gathered', now, why)] };
  }
  const gathered: GatheredNotice = { notice, as: isRecovery ? 'recovered' : 'event', incident, details: undefined };
  return { box: { ...next, open: [...box.open, gathered] }, rows: [rowOf(notice, 'gathered', now)] };
}

function isAbout({ kind, name, jobUid }: Incident, notice: Notice): boolean {
  return name === notice.key.name && kind === notice.key.kind && jobUid === notice.jobUid;
}

/** Only failures make incidents; that one of them suspended the job belongs to it. */
function withFailure(
  box: Mailbox,
  notice: Notice,
  before: Incident | undefined,
  now: number,
  isTold: boolean,
): { incident: Incident | undefined; incidents: readonly Incident[] } {
  if (notice.kind === 'suspended') return { incident: before, incidents: box.incidents };
  if (notice.kind !== 'failed') return { incident: undefined, incidents: box.incidents };
  const incident: Incident = {
    kind: notice.key.kind,
    name: notice.key.name,
    jobUid: notice.jobUid,
    ran: notice.ran,
    reasons: reasonsTold(before, notice, isTold),
    since: before?.since ?? notice.at,
    lastAt: Math.max(before?.lastAt ?? 0, notice.at),
    failures: (before?.failures ?? 0) + 1,
    toldAt: isTold ? now : (before?.toldAt ?? now),
    thread: before?.thread,
  };
  const others = without(box, before).filter(({ lastAt }) => lastAt > now - limits.incidentMs);
  return { incident, incidents: [...others, incident].slice(-limits.incidents) };
}

function reasonsTold(before: Incident | undefined, { reason }: Notice, isTold: boolean): Incident['reasons'] {
  const reasons = before?.reasons ?? [];
  return isTold && reason && !reasons.includes(reason) ? [...reasons, reason] : reasons;
}

function without({ incidents }: Mailbox, incident: Incident | undefined): readonly Incident[] {
  return incident ? incidents.filter((one) => one !== incident) : incidents;
}

function counted(box: Mailbox, { id }: Notice): Mailbox {
  return { ...box, counted: [...box.counted, id].slice(-limits.counted) };
}

/** What was collected of an event; the very same mailbox where it is not waiting any more. */
export function addDetails(box: Mailbox, id: string, details: NoticeDetails): Mailbox {
  if (!box.open.some(({ notice }) => notice.id === id)) return box;
  return { ...box, open: box.open.map((one) => (one.notice.id === id ? { ...one, details } : one)) };
}

/** The tool's webhook takes nothing; each such time is told once. The very same mailbox where there is nothing new to tell. */
export function noteWebhook(box: Mailbox, trouble: WebhookTrouble, now: number): Mailbox {
  if (box.webhookTrouble || trouble.since <= box.webhookToldSince) return box;
  return { ...box, webhookTrouble: trouble, openedAt: box.openedAt ?? now };
}

export type DueSettings = Pick<MailSettings, 'firstMs' | 'windowMs' | 'perDay'>;

/** When the next mail is made of what is gathered; undefined while there is nothing. */
export function dueAt(box: Mailbox, settings: DueSettings, now: number): number | undefined {
  if (box.openedAt === undefined) return undefined;
  // Clocks may have been put back since.
  const openedAt = Math.min(box.openedAt, now);
  const lastSealedAt = Math.min(box.lastSealedAt, now);
  const at = Math.max(openedAt + settings.firstMs, lastSealedAt + settings.windowMs);
  const dayIsFull = box.day.date === dateOf(now) && box.day.mails >= settings.perDay;
  return dayIsFull ? Math.max(at, startOfNextDay(now)) : at;
}

/** What goes into one message: events at the head of `open`, the number of those that did not fit, and the trouble of the webhook. */
export interface Batch {
  readonly events: number;
  readonly folded: number;
  readonly trouble: WebhookTrouble | undefined;
}

export function seal(box: Mailbox, mail: SealedMail, batch: Batch): Change {
  const told = box.open.slice(0, batch.events);
  const open = box.open.slice(batch.events);
  const folded = box.folded - batch.folded;
  const webhookTrouble = batch.trouble ? undefined : box.webhookTrouble;
  const date = dateOf(mail.sealedAt);
  const begun = told.flatMap(({ incident }) => incident ?? []);
  const inThread = (one: Incident): Incident =>
    one.thread === undefined && begun.some((other) => isSame(one, other)) ? { ...one, thread: mail.messageId } : one;
  return {
    box: {
      ...box,
      open: open.map((one) => (one.incident ? { ...one, incident: inThread(one.incident) } : one)),
      folded,
      openedAt: open.length + folded > 0 || webhookTrouble ? mail.sealedAt : undefined,
      incidents: box.incidents.map(inThread),
      sealed: mail,
      lastSealedAt: mail.sealedAt,
      ...untried,
      day: { date, mails: (box.day.date === date ? box.day.mails : 0) + 1 },
      gapsToldUntil: Math.max(box.gapsToldUntil, mail.gapsUntil),
      webhookTrouble,
      webhookToldSince: batch.trouble?.since ?? box.webhookToldSince,
    },
    rows: rowsOf(mail, 'sealed', mail.sealedAt),
  };
}

const untried = { tries: 0, refusals: 0, firstTriedAt: undefined, retryAt: undefined } as const;

function isSame(one: Incident, other: Incident): boolean {
  return one.kind === other.kind && one.name === other.name && one.jobUid === other.jobUid;
}

/** The mail server has taken it; or nothing is sent, and it was recorded. */
export function settle(box: Mailbox, isSent: boolean, { offWhy }: SendingRules, now: number): Change {
  const { sealed } = box;
  if (!sealed) return { box, rows: noRows };
  const sent = box.sent.filter(({ sentAt }) => sentAt > now - limits.sentMs && sentAt <= now);
  const { messageId, subject } = sealed;
  return {
    box: { ...box, ...untried, sealed: undefined, sent: [...sent, { messageId, subject, sentAt: now, isSent }] },
    rows: isSent ? rowsOf(sealed, 'sent', now) : rowsOf(sealed, 'withheld', now, offWhy),
  };
}

export interface Failure {
  /** The server has refused it (5xx); otherwise it may take it later. */
  readonly isRefusal: boolean;
  /** In words. */
  readonly why: string;
}

/** Whether a mail that was not taken now is tried again. */
export function mayTryAgain(box: Mailbox, { isRefusal }: Failure, rules: SendingRules, now: number): boolean {
  if (isRefusal && box.refusals + 1 >= refused.tries) return false;
  return !rules.isGivenUp(box, now);
}

/** @param random 0 ≤ n < 1 */
export function defer(box: Mailbox, failure: Failure, rules: SendingRules, now: number, random: number): Change {
  const refusals = box.refusals + (failure.isRefusal ? 1 : 0);
  const retryAt = now + (failure.isRefusal ? pauseAfterRefusalMs(random) : pauseMs(box.tries, rules, random));
  return {
    box: { ...box, tries: box.tries + 1, refusals, firstTriedAt: box.firstTriedAt ?? now, retryAt },
    rows: box.sealed ? rowsOf(box.sealed, 'deferred', now, `${failure.why}; next try at ${clockOf(retryAt)}`) : noRows,
  };
}

/** A try is hours away at most. */
function clockOf(at: number): string {
  return `${new Date(at).toISOString().slice(11, 16)} UTC`;
}

function pauseMs(tries: number, { pauses }: SendingRules, random: number): number {
  const { firstMs, longestMs, jitter } = pauses;
  return Math.min(longestMs, firstMs * 2 ** Math.min(tries, 10)) * (1 - jitter + 2 * jitter * random);
}

/** Never less, so that three tries are an hour at least. */
function pauseAfterRefusalMs(random: number): number {
  return refused.pauseMs * (1 + refused.jitter * random);
}

/** When the sealed mail may be tried; a clock that was put back makes it wait no longer than the longest pause. */
export function retryAt({ retryAt: at }: Mailbox, { pauses }: SendingRules, now: number): number {
  return at === undefined ? now : Math.min(at, now + pauses.longestMs * (1 + pauses.jitter));
}

/** Given up. Of more than are kept the oldest go: somebody should have looked long ago. */
export function park(box: Mailbox, why: string, rules: SendingRules, now: number): Change {
  const { sealed } = box;
  if (!sealed) return { box, rows: noRows };
  const next = { ...box, ...untried, sealed: undefined };
  if (rules.parked === 0) return { box: next, rows: rowsOf(sealed, 'dropped', now, why) };
  const all = [...box.parked, { ...sealed, parkedAt: now, tries: box.tries + 1, why, isRetried: false }];
  const gone = all.slice(0, -rules.parked);
  return {
    box: { ...next, parked: all.slice(-rules.parked) },
    rows: [
      ...rowsOf(sealed, 'parked', now, why),
      ...gone.flatMap((mail) => rowsOf(mail, 'dropped', now, `more than ${rules.parked} mails were parked`)),
    ],
  };
}

/** An operator wants a parked mail tried again. The very same mailbox where there is none of that id. */
export function wantRetry(box: Mailbox, messageId: string, now: number): Change {
  const mail = box.parked.find((one) => one.messageId === messageId);
  if (!mail) return { box, rows: noRows };
  return {
    box: { ...box, parked: box.parked.map((one) => (one === mail ? { ...one, isRetried: true } : one)) },
    rows: rowsOf(mail, 'deferred', now, 'an operator has it tried again'),
  };
}

export function hasRetry({ parked }: Mailbox): boolean {
  return parked.some(({ isRetried }) => isRetried);
}

/** The first parked mail that is to be tried again is the mail on its way. */
export function unpark(box: Mailbox): Mailbox {
  const mail = box.parked.find(({ isRetried }) => isRetried);
  if (!mail || box.sealed) return box;
  const { parkedAt: _, tries: __, why: ___, isRetried: ____, ...sealed } = mail;
  return { ...box, ...untried, sealed, parked: box.parked.filter((one) => one !== mail) };
}

export function drop(box: Mailbox, messageId: string, now: number): Change {
  const mail = box.parked.find((one) => one.messageId === messageId);
  if (!mail) return { box, rows: noRows };
  return {
    box: { ...box, parked: box.parked.filter((one) => one !== mail) },
    rows: rowsOf(mail, 'dropped', now, 'an operator has dropped it'),
  };
}

/** Nothing of it is wanted any more. */
export function dropAll({ tool, open, sealed }: Mailbox, why: string, now: number): Change {
  const waiting = [...open.map(({ notice }) => refOf(notice)), ...(sealed?.notices ?? [])];
  return {
    box: emptyMailbox(tool),
    rows: waiting.map((ref) => ({ ...ref, state: 'dropped', since: now, why, messageId: undefined })),
  };
}

function rowOf(notice: Notice, state: MailState, since: number, why?: string): MailLogRow {
  return { ...refOf(notice), state, since, why, messageId: undefined };
}

function rowsOf({ notices, messageId }: SealedMail, state: MailState, since: number, why?: string): MailLogRow[] {
  return notices.map((ref) => ({ ...ref, state, since, why, messageId }));
}

function startOfNextDay(now: number): number {
  return (Math.floor(now / dayMs) + 1) * dayMs;
}
