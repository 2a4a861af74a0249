/** A row of the mail log as the canonical dialect shows it. Pure and total. */
import type { FailureReason, JobType, MailLogRow, MailState, NoticeKind, TellingWay } from '../../domain.ts';
import { instantText } from './status/instant.ts';

export interface MailLogRow2026 {
  readonly job: string;
  readonly job_type: JobType;
  readonly happened: string | null;
  readonly event: NoticeKind;
  readonly reason: FailureReason | null;
  readonly via: TellingWay;
  readonly state: MailState;
  readonly since: string | null;
  readonly message_id: string | null;
  /** In words for its owner. */
  readonly message: string;
}

export function renderMailLogRow(row: MailLogRow): MailLogRow2026 {
  return {
    job: row.jobName,
    job_type: row.jobType,
    happened: instantText(row.at) ?? null,
    event: row.kind,
    reason: row.reason ?? null,
    via: row.via ?? 'mail',
    state: row.state,
    since: instantText(row.since) ?? null,
    message_id: row.messageId ?? null,
    message: messageOf(row),
  };
}

const words: Readonly<Record<TellingWay, Readonly<Record<MailState, string>>>> = {
  mail: {
    gathered: 'waits for the next mail to be made',
    withheld: 'not mailed',
    sealed: 'its mail is made and about to be sent',
    deferred: 'its mail waits, and is tried again',
    sent: 'mailed',
    parked: 'its mail was given up; the operators can have it tried again',
    dropped: 'its mail was dropped',
  },
  webhook: {
    gathered: 'waits to be told to the webhook',
    withheld: 'not told to the webhook',
    sealed: 'about to be told to the webhook',
    deferred: 'the webhook did not take it; it is tried again',
    sent: 'told to the webhook',
    parked: 'given up',
    dropped: 'given up',
  },
};

function messageOf({ via = 'mail', state, since, why }: MailLogRow): string {
  const said = words[via][state];
  if (state === 'sent') return `${said}${dayAndTime(since)}`;
  return why === undefined ? said : `${said}: ${why}`;
}

/** @example dayAndTime(1772338843000) -> ' on 2026-03-01 at 04:20 UTC' */
function dayAndTime(at: number): string {
  const text = instantText(at);
  return text === undefined ? '' : ` on ${text.slice(0, 10)} at ${text.slice(11, 16)} UTC`;
}
