/**
 * Mail on the wire: messages become bytes, bytes go to the mail server. The only file that knows nodemailer, which is trusted with MIME and
 * SMTP and with nothing else: trying again, rates and who may be written to are decided elsewhere.
 */
import { createTransport as createMailer, type SentMessageInfo, type Transporter } from 'nodemailer';
import type { SealedMail } from '../mailbox.ts';
import type { MailSettings, Startup } from '../settings.ts';
import { timeLimited } from '../time-limit.ts';
import { domainOf } from './address.ts';
import type { MailToCompile } from './seal.ts';

export interface TransportOptions {
  settings(): MailSettings;
  /** Of the start-up file. */
  readonly smtp: Startup['smtp'];
  /** Read for each new set of connections. */
  secrets(): SmtpSecrets;
  /** Unset: as in production. */
  readonly deadlines?: Partial<Deadlines>;
}

export interface SmtpSecrets {
  /** For `smtp.auth`. */
  readonly password?: string | undefined;
  /** PEM: verifies the server; unset = what the system trusts. */
  readonly ca?: string | undefined;
}

export interface MailTransport {
  /** The message as it goes over the wire: ASCII, lines end in CRLF. */
  compile(mail: MailToCompile): Promise<string>;
  /** Resolves when the server has taken it. @throws what nodemailer says; deliver.ts puts it in words */
  send(mail: SealedMail, signal: AbortSignal): Promise<void>;
  /** To be called when settings or secrets have changed: what is sent from now on goes by them; what is under way is finished as it began. */
  replace(): void;
  /** Ends connections; attempts under way fail. */
  stop(): void;
}

export interface Deadlines {
  readonly connectMs: number;
  readonly greetingMs: number;
  readonly dnsMs: number;
  /** Silence on a connection. */
  readonly silenceMs: number;
  /** A whole attempt. */
  readonly attemptMs: number;
}

const usualDeadlines: Deadlines = {
  connectMs: 10_000,
  greetingMs: 10_000,
  dnsMs: 5_000,
  silenceMs: 60_000,
  attemptMs: 60_000,
};
const idleMs = 30_000;
const implicitTlsPort = 465;

/** A set of connections, and how many attempts are using it. */
interface Pool {
  readonly mailer: Transporter<SentMessageInfo>;
  users: number;
  isRetired: boolean;
}

export function createTransport(options: TransportOptions): MailTransport {
  const deadlines = { ...usualDeadlines, ...options.deadlines };
  const composer = createMailer({ streamTransport: true, buffer: true, newline: 'windows', ...noFiles });
  let pool: Pool | undefined;

  function open(): Pool {
    return { mailer: createMailer({ ...poolOptions(options, deadlines), ...noFiles }), users: 0, isRetired: false };
  }

  function retire(old: Pool | undefined): void {
    if (!old) return;
    old.isRetired = true;
    if (old.users === 0) old.mailer.close();
  }

  return {
    async compile({ messageId, from, to, date, subject, text, references, listId }) {
      const { message } = await composer.sendMail({
        messageId,
        // Never as text: a comma in it would be a second address.
        from: { name: '', address: from },
        to: { name: '', address: to },
        date,
        subject: oneLine(subject),
        text: plainText(text),
        textEncoding: 'quoted-printable',
        encoding: 'quoted-printable',
        ...(references.length > 0 ? { inReplyTo: references.at(-1), references: [...references] } : {}),
        headers: { 'Auto-Submitted': 'auto-generated', Precedence: 'bulk', 'List-Id': `<${listId}>` },
        xMailer: false,
      });
      return (message as Buffer).toString('latin1');
    },
    async send({ from, to, bytes }, signal) {
      const used = pool ?? open();
      pool = used;
      used.users += 1;
      try {
        const cut = timeLimited(signal, deadlines.attemptMs);
        const { rejected } = await used.mailer.sendMail({ envelope: { from, to: [to] }, raw: bytes, signal: cut });
        if (rejected && rejected.length > 0) throw new Error(`the server took the mail and not its recipient ${to}`);
      } finally {
        used.users -= 1;
        if (used.isRetired && used.users === 0) used.mailer.close();
      }
    },
    replace() {
      const old = pool;
      pool = undefined;
      retire(old);
    },
    stop() {
      // What a server holds up byte by byte ends with the rest.
      pool?.mailer.close({ force: true });
      pool = undefined;
      composer.close();
    },
  };
}

const noFiles = { disableFileAccess: true, disableUrlAccess: true } as const;

function poolOptions({ settings, smtp, secrets }: TransportOptions, deadlines: Deadlines) {
  const { password, ca } = secrets();
  const { server, port, isTlsRequired, connections, from } = settings();
  const listed = smtp.allow.find(({ host, port: only }) => host === server && (only === undefined || only === port));
  const secure = port === implicitTlsPort;
  return {
    pool: true,
    host: listed?.address ?? server,
    // Whatever address it has: the certificate must be of this name.
    servername: server,
    port,
    secure,
    // A password never goes out in the clear.
    requireTLS: (isTlsRequired || smtp.auth !== undefined) && !secure,
    // Who we are in EHLO.
    name: domainOf(from),
    maxConnections: connections,
    // Only the queue tries again.
    maxRequeues: 0,
    idleTimeout: idleMs,
    connectionTimeout: deadlines.connectMs,
    greetingTimeout: deadlines.greetingMs,
    dnsTimeout: deadlines.dnsMs,
    socketTimeout: deadlines.silenceMs,
    socketCloseTimeout: 1_000,
    tls: { servername: server, minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
    ...(smtp.auth ? { auth: { user: smtp.auth.user, pass: password ?? '' } } : {}),
  } as const;
}

/**
 * A subject is made of names that were checked; should one ever hold a line end, it ends here, and what looks like an encoded word (RFC 2047)
 * is none for its readers.
 */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').replaceAll('=?', '= ?');
}

/** The words are made visible where they are composed; what still is no text is left out. Line ends are one kind only. */
function plainText(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(/[^\P{Cc}\n\t]/gu, '');
}
