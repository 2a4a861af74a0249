/**
 * One event as a webhook is told of it: a JSON object whose bytes never change again. Called by the queue of a tool's webhook, once for each
 * event; docs/webhooks.md describes the fields.
 */
import { createHash, randomUUID } from 'node:crypto';
import { typeOfKind } from '../../domain.ts';
import { type GatheredNotice, type Mailbox, refOf, type SealedMail } from '../../mailbox.ts';
import { type Ending, summaryOf } from '../compose.ts';
import { instantOf } from '../words.ts';

/** Before what happened to a job: `job.failed`. */
type EventType = `job.${Ending | 'skipped'}`;

export interface WebhookSealOptions {
  now(): number;
  /** The first event of the mailbox, with what was collected of it. */
  complete(mailbox: Mailbox): Promise<Mailbox>;
}

/** @returns how the first event that waits is told */
export function createWebhookSeal({ now, complete }: WebhookSealOptions): (mailbox: Mailbox) => Promise<SealedMail> {
  return async (mailbox) => {
    const { open } = await complete({ ...mailbox, open: mailbox.open.slice(0, 1) });
    const [gathered] = open as [GatheredNotice];
    const id = idOf(mailbox.tool, gathered.notice.id);
    return {
      messageId: id,
      // No address: where it goes, and with what it is signed, is looked up at each attempt.
      from: '',
      to: mailbox.tool,
      subject: typeOf(gathered),
      bytes: JSON.stringify(eventOf(mailbox, gathered, id)),
      sealedAt: now(),
      notices: [refOf(gathered.notice)],
      gapsUntil: 0,
    };
  };
}

function eventOf({ tool, folded }: Mailbox, gathered: GatheredNotice, id: string) {
  const { notice, incident } = gathered;
  return {
    id,
    type: typeOf(gathered),
    tool,
    job: notice.key.name,
    job_type: typeOfKind[notice.key.kind],
    run: notice.run,
    outcome: outcomeOf(gathered),
    reason: notice.reason ?? null,
    exit_code: notice.exitCode ?? null,
    failures: incident?.failures ?? 0,
    message: summaryOf(gathered).sentence,
    at: instantOf(notice.at),
    left_out: folded,
  };
}

function typeOf(gathered: GatheredNotice): EventType {
  return gathered.notice.isSkipped ? 'job.skipped' : `job.${summaryOf(gathered).ending}`;
}

/** Of the run; null where it goes on. */
function outcomeOf({
  notice: { kind, isSkipped, finishedAt },
}: GatheredNotice): 'skipped' | 'failed' | 'succeeded' | null {
  if (isSkipped) return 'skipped';
  if (kind === 'failed') return 'failed';
  return kind === 'finished' || (kind === 'unusual' && finishedAt !== undefined) ? 'succeeded' : null;
}

/** The same for the same event, whatever is lost between: made of what it tells of. */
function idOf(tool: string, noticeId: string): string {
  return `evt_${createHash('sha256').update(`${tool}\n${noticeId}`).digest('base64url').slice(0, 27)}`;
}

/** An event of which nothing is kept: its owner wants to see whether one arrives. */
export function testEvent(tool: string, now: number): { readonly id: string; readonly bytes: string } {
  const id = `evt_${randomUUID()}`;
  const message = `This is a test of the webhook of the tool ${tool}. Nothing has happened.`;
  return { id, bytes: JSON.stringify({ id, type: 'webhook.test', tool, message, at: instantOf(now) }) };
}
