/**
 * One attempt to hand a sealed mail to the mail server, and what its failure means: whether trying again can help, in words that an operator
 * and a user can read. Called by the queue of a tool.
 */
import { AppError } from '../errors.ts';
import type { SealedMail } from '../mailbox.ts';
import type { MailSettings } from '../settings.ts';
import type { Pace } from './pace.ts';
import { isTlsTrouble, tlsTroubleWords } from './tls-trouble.ts';
import type { MailTransport } from './transport.ts';
import { requireNotWithheld } from './withheld.ts';

export interface DeliverOptions {
  /** Asked before each attempt: false where another process may be sending. Unset: it always may. */
  readonly maySend?: () => boolean;
  readonly transport: Pick<MailTransport, 'send'>;
  readonly pace: Pick<Pace, 'turn'>;
  settings(): Pick<MailSettings, 'isSent' | 'server' | 'withheld'>;
}

/**
 * @returns `isSent` false where sending is switched off: it went nowhere
 * @throws AppError `mail.deferred` where the server does not take it now, or takes none, `mail.refused` where it refuses it
 */
export type Deliver = (mail: SealedMail, signal: AbortSignal) => Promise<{ readonly isSent: boolean }>;

export function createDeliver({ transport, pace, settings, maySend = () => true }: DeliverOptions): Deliver {
  return async (mail, signal) => {
    requireNotWithheld(settings());
    if (!settings().isSent) return { isSent: false };
    await pace.turn(signal);
    // It may have been switched off while this one waited for its turn.
    const { isSent, server } = settings();
    if (!isSent) return { isSent: false };
    if (!maySend()) throw new AppError('mail.deferred', 'another process of the service may be sending it');
    try {
      await transport.send(mail, signal);
    } catch (error) {
      throw failureOf(error, server);
    }
    return { isSent: true };
  };
}

/** What nodemailer says of a failure (its manual, "Error handling"). */
interface SmtpFailure {
  readonly code?: string;
  readonly responseCode?: number;
  readonly response?: string;
  readonly message?: string;
  /** Of Node.js, where nodemailer has put its own in its place. */
  readonly originalCode?: string;
}

/** Answers to MAIL, RCPT, DATA and the text. Whatever comes before them says nothing of the mail: it would be said to every other one too. */
const ofTheMail: readonly (string | undefined)[] = ['EENVELOPE', 'EMESSAGE'];

/**
 * An answer of the server decides; without one, whatever it was may pass. A server that does not know STARTTLS answers 500 to it, which is
 * no word worth passing on.
 */
function failureOf(error: unknown, server: string): AppError {
  const { code, responseCode, response } = (error ?? {}) as SmtpFailure;
  const isRefusal =
    ofTheMail.includes(code) && responseCode !== undefined && responseCode >= 500 && responseCode <= 599;
  const said = code !== 'ETLS' && response !== undefined ? clean(response) : undefined;
  return isRefusal
    ? new AppError('mail.refused', `the mail server ${server} refused it: ${said ?? responseCode}`, { cause: error })
    : new AppError('mail.deferred', said ? `the mail server ${server} said: ${said}` : troubleOf(error, server), {
        cause: error,
      });
}

function troubleOf(error: unknown, server: string): string {
  const { code, message, originalCode = '' } = (error ?? {}) as SmtpFailure;
  if (code === 'ETLS' || isTlsTrouble(originalCode)) return tlsTroubleWords(`the mail server ${server}`, originalCode);
  switch (code) {
    case 'EDNS':
      return `the mail server ${server} has no address`;
    case 'ESOCKET':
    case 'ECONNECTION':
    case 'ECONNREFUSED':
    case 'ECONNRESET':
      return `the connection to the mail server ${server} could not be made or broke off`;
    case 'ETIMEDOUT':
    case 'EABORT':
      return `the mail server ${server} did not answer in time`;
    case 'EAUTH':
      return `the mail server ${server} did not accept our name and password`;
    default:
      return `it could not be handed to the mail server ${server}: ${clean(message ?? 'nobody knows why')}`;
  }
}

const longestWords = 200;

/** What a server says is shown to people, on terminals as well. */
function clean(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .trim()
    .slice(0, longestWords);
}
