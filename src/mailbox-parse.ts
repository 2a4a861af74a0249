/**
 * What a mailbox file holds, as a mailbox. The sum in the file (mail/mailbox-files.ts) says that it is as we wrote it; what is looked at
 * here is whether it was written by a release that meant the same by it. What is to be mailed must be understood, or the file is none; of
 * what is only remembered (sent, incidents, counted) single entries that say nothing are left out.
 */
import { emailsChoices, failureReasons, noticeKinds, unusualWays } from './domain.ts';
import { amountAt, listAt, recordAt, textAt } from './fields.ts';
import {
  emptyMailbox,
  type GatheredNotice,
  type Incident,
  type Mailbox,
  type ParkedMail,
  type SealedMail,
  type WebhookTrouble,
} from './mailbox.ts';

/** @throws Error for another version, what is no mailbox, and an event or mail that is not understood */
export function parseMailbox(value: unknown): Mailbox {
  const tool = textAt(value, 'tool');
  if (recordAt(value).v !== 1 || tool === undefined) throw new Error('The version of the file is not 1.');
  const open = allOf(value, 'open', isGathered);
  const folded = amountAt(value, 'folded') ?? 0;
  const webhookTrouble = troubleOf(recordAt(value).webhookTrouble);
  const hasWork = open.length + folded > 0 || webhookTrouble !== undefined;
  return {
    ...emptyMailbox(tool),
    open,
    folded,
    openedAt: hasWork ? (amountAt(value, 'openedAt') ?? 0) : undefined,
    sealed: sealedOf(recordAt(value).sealed),
    lastSealedAt: amountAt(value, 'lastSealedAt') ?? 0,
    tries: amountAt(value, 'tries') ?? 0,
    refusals: amountAt(value, 'refusals') ?? 0,
    firstTriedAt: timeOf(value, 'firstTriedAt'),
    retryAt: timeOf(value, 'retryAt'),
    parked: allOf(value, 'parked', isParked),
    sent: listAt(value, 'sent').filter(isSent),
    day: { date: textAt(value, 'day', 'date') ?? '', mails: amountAt(value, 'day', 'mails') ?? 0 },
    incidents: listAt(value, 'incidents').filter(isIncident),
    counted: listAt(value, 'counted').filter((id) => typeof id === 'string'),
    gapsToldUntil: amountAt(value, 'gapsToldUntil') ?? 0,
    webhookTrouble,
    webhookToldSince: amountAt(value, 'webhookToldSince') ?? 0,
  };
}

/** @throws Error where one of them is none: what is left out here would be gone with the next save */
function allOf<Entry>(value: unknown, name: string, is: (entry: unknown) => entry is Entry): readonly Entry[] {
  const entries = listAt(value, name);
  if (!entries.every(is)) throw new Error(`An entry of '${name}' is not understood.`);
  return entries;
}

/** @throws Error for what is none */
function sealedOf(value: unknown): SealedMail | undefined {
  if (value === undefined || isSealed(value)) return value;
  throw new Error('The mail on its way is not understood.');
}

/** @returns undefined for what says nothing: it is told again as long as it lasts */
function troubleOf(value: unknown): WebhookTrouble | undefined {
  const since = timeOf(value, 'since');
  const why = textAt(value, 'why');
  return since === undefined || why === undefined ? undefined : { since, why };
}

/** Times with a part of a millisecond come from jitter. */
function timeOf(value: unknown, name: string): number | undefined {
  const at = recordAt(value)[name];
  return typeof at === 'number' && Number.isFinite(at) && at >= 0 ? at : undefined;
}

function isGathered(value: unknown): value is GatheredNotice {
  const as = textAt(value, 'as');
  const details = recordAt(value).details;
  return (
    isNotice(recordAt(value).notice) &&
    (as === 'event' || as === 'recovered') &&
    isOptional(recordAt(value).incident, isIncident) &&
    isOptional(details, () => hasTextsOnly(listAt(details, 'lines')) && isOptional(recordAt(details).memory, isMemory))
  );
}

function isUnusual(value: unknown): boolean {
  const what = textAt(value, 'what');
  const amounts = what === 'quiet' ? ['lines', 'runs', 'least'] : ['length', 'runs', 'shortest', 'longest'];
  return isOneOf(unusualWays, what) && amounts.every((name) => amountAt(value, name) !== undefined);
}

function isMemory(value: unknown): boolean {
  const { job, peaks, to, fits } = recordAt(value);
  const areAmounts = (...names: string[]) => names.every((name) => amountAt(peaks, name) !== undefined);
  return (
    amountAt(value, 'limit') !== undefined &&
    isText(job) &&
    isText(to) &&
    isOptional(fits, () => typeof fits === 'boolean') &&
    isOptional(peaks, () => areAmounts('runs', 'lowest', 'highest'))
  );
}

function isNotice(value: unknown): boolean {
  const { reason, exitCode, signal, ran, unusual } = recordAt(value);
  return (
    ['id', 'run'].every((name) => textAt(value, name) !== undefined) &&
    isOneOf(noticeKinds, textAt(value, 'kind')) &&
    isOneOf(emailsChoices, textAt(value, 'emails')) &&
    isOneOf(['Job', 'CronJob', 'Deployment'], textAt(value, 'key', 'kind')) &&
    ['namespace', 'name'].every((name) => textAt(value, 'key', name) !== undefined) &&
    timeOf(value, 'at') !== undefined &&
    amountAt(value, 'attempts') !== undefined &&
    isOptional(reason, () => isOneOf(failureReasons, reason)) &&
    isOptional(unusual, isUnusual) &&
    isOptional(exitCode, isNumber) &&
    isOptional(signal, isNumber) &&
    ['pod', 'clusterSays', 'jobSays', 'jobUid'].every((name) => isOptional(recordAt(value)[name], isText)) &&
    isOptional(ran, () => textAt(ran, 'cmd') !== undefined && textAt(ran, 'image') !== undefined)
  );
}

function isIncident(value: unknown): value is Incident {
  return (
    isOneOf(['Job', 'CronJob', 'Deployment'], textAt(value, 'kind')) &&
    textAt(value, 'name') !== undefined &&
    ['since', 'lastAt', 'toldAt'].every((name) => timeOf(value, name) !== undefined) &&
    amountAt(value, 'failures') !== undefined &&
    hasTextsOnly(listAt(value, 'reasons')) &&
    Array.isArray(recordAt(value).reasons) &&
    isOptional(recordAt(value).thread, isText)
  );
}

function isSealed(value: unknown): value is SealedMail {
  return (
    ['messageId', 'from', 'to', 'subject', 'bytes'].every((name) => textAt(value, name) !== undefined) &&
    timeOf(value, 'sealedAt') !== undefined &&
    amountAt(value, 'gapsUntil') !== undefined &&
    listAt(value, 'notices').every((ref) => textAt(ref, 'id') !== undefined)
  );
}

function isParked(value: unknown): value is ParkedMail {
  return isSealed(value) && timeOf(value, 'parkedAt') !== undefined && textAt(value, 'why') !== undefined;
}

function isSent(value: unknown): value is Mailbox['sent'][number] {
  return textAt(value, 'messageId') !== undefined && timeOf(value, 'sentAt') !== undefined;
}

function isOptional(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || is(value);
}

function isOneOf(words: readonly string[], word: unknown): boolean {
  return typeof word === 'string' && words.includes(word);
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number';
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function hasTextsOnly(values: readonly unknown[]): boolean {
  return values.every(isText);
}
