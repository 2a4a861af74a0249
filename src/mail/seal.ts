/**
 * What is gathered becomes a mail whose bytes and Message-ID never change again: subject and text, addresses, and a fixed set of headers.
 * Called by the queue of a tool, once for each mail.
 */
import { randomUUID } from 'node:crypto';
import { type Gap, type Mailbox, refOf, type SealedMail } from '../mailbox.ts';
import type { MailSettings } from '../settings.ts';
import { domainOf, envelopeOf } from './address.ts';
import { requireNotWithheld } from './withheld.ts';

export interface ComposedMail {
  readonly subject: string;
  readonly text: string;
  /** Message-IDs of the mails that it goes on from, oldest first; none for a mail that begins something. */
  readonly references: readonly string[];
}

/** A message as the composer of MIME takes it. */
export interface MailToCompile {
  readonly messageId: string;
  readonly from: string;
  readonly to: string;
  readonly date: Date;
  readonly subject: string;
  readonly text: string;
  readonly references: readonly string[];
  /** E.g. `alpha.jobs.toolforge.org` */
  readonly listId: string;
}

export interface SealOptions {
  settings(): MailSettings;
  /** Times of which nothing is known, oldest first. */
  gaps(): readonly Gap[];
  now(): number;
  compose(
    mailbox: Mailbox,
    around: { readonly now: number; readonly gaps: readonly Gap[]; readonly settings: MailSettings },
  ): ComposedMail;
  compile(mail: MailToCompile): Promise<string>;
  /** What stands before the @ of a Message-ID. Unset: random. */
  readonly token?: () => string;
}

export function createSeal(options: SealOptions): (mailbox: Mailbox) => Promise<SealedMail> {
  const { compose, compile, now, token = randomUUID } = options;
  return async (mailbox) => {
    const settings = options.settings();
    requireNotWithheld(settings);
    const sealedAt = now();
    const gaps = options.gaps().filter(({ to }) => to > mailbox.gapsToldUntil);
    const { from, to } = envelopeOf(mailbox.tool, settings);
    const messageId = `<${token()}@${domainOf(from)}>`;
    const { subject, text, references } = compose(mailbox, { now: sealedAt, gaps, settings });
    const bytes = await compile({
      messageId,
      from,
      to,
      date: new Date(sealedAt),
      subject,
      text,
      references,
      listId: `${mailbox.tool}.jobs.${domainOf(to)}`,
    });
    return {
      messageId,
      from,
      to,
      subject,
      bytes,
      sealedAt,
      notices: mailbox.open.map(({ notice }) => refOf(notice)),
      gapsUntil: Math.max(0, ...gaps.map((gap) => gap.to)),
    };
  };
}
