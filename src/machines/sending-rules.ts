/**
 * What differs between the two ways out of a queue: mails go to one server for all tools, several events at a time and for days; webhooks
 * go to a server of the tool's own, one event at a time and for a day. Looked at by mail-queue.ts, mail-roster.ts and mailbox-changes.ts.
 */
import type { Mailbox } from '../mailbox.ts';

export interface SendingRules {
  /** Events of one message at most. */
  readonly batch: number;
  /** Waits between tries; jitter is a share of them. */
  readonly pauses: { readonly firstMs: number; readonly longestMs: number; readonly jitter: number };
  /** Whether a message that was not taken once more is given up. */
  isGivenUp(box: Mailbox, now: number): boolean;
  /** Messages given up that are kept for an operator; of more the oldest go. */
  readonly parked: number;
  /** Whether what one tool's message meets says something of those of other tools. */
  readonly hasOneServer: boolean;
  /** Why a message went nowhere that nobody tried to send. */
  readonly offWhy: string;
}

const dayMs = 24 * 60 * 60 * 1000;

export const mailRules: SendingRules = {
  batch: Number.POSITIVE_INFINITY,
  pauses: { firstMs: 60_000, longestMs: 4_000_000, jitter: 0.2 },
  isGivenUp: ({ firstTriedAt }, now) => now - (firstTriedAt ?? now) >= 5 * dayMs,
  parked: 100,
  hasOneServer: true,
  offWhy: 'sending is switched off (send_emails_for_real: no)',
};

/** Those that wait behind one that is not taken are as old as what they tell of, and are tried so often at least. */
const webhookTries = 5;

export const webhookRules: SendingRules = {
  batch: 1,
  pauses: { firstMs: 10_000, longestMs: 3_600_000, jitter: 0.2 },
  isGivenUp: ({ sealed, tries }, now) =>
    tries + 1 >= webhookTries && (sealed?.notices ?? []).every(({ at }) => now - at >= dayMs),
  parked: 0,
  hasOneServer: false,
  offWhy: 'the webhook was removed, or the operators have switched webhooks off',
};
