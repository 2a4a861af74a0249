/** `mail list|show|retry|drop`: mails that were given up, of a running daemon. */
import { AppError } from '../../src/errors.ts';
import { type CommandLine, usage } from '../terminal/arguments.ts';
import { didYouMeanOrHelp, meantWord } from '../terminal/meant-word.ts';
import { simpleTable } from '../terminal/table.ts';
import { visibleText } from '../terminal/terminal.ts';

/** What the daemon says of a parked mail. */
export interface ParkedReport {
  readonly tool: string;
  readonly message_id: string;
  readonly to: string;
  readonly subject: string;
  readonly parked: string;
  readonly tries: number;
  readonly why: string;
  readonly events: number;
  readonly is_retried: boolean;
}

export interface MailContext {
  readonly line: CommandLine;
  ask(method: 'GET' | 'POST', path: string): Promise<unknown>;
  /** Whether what is printed goes to a terminal. */
  readonly isTerminal: boolean;
  /** The result: JSON where asked for, else the text. */
  print(value: unknown, text: string): void;
}

/** @throws AppError `usage.invalid`, `mail.not_found`, `service.unreachable` */
export async function runMail(context: MailContext): Promise<void> {
  const [verb = '', id] = context.line.operands;
  switch (verb) {
    case 'list':
      if (id !== undefined) throw usage("'mail list' takes no Message-ID.");
      return list(context);
    case 'show':
      return show(context, needed(verb, id));
    case 'retry':
      return retry(context, id);
    case 'drop':
      if (!context.line.options.has('yes'))
        throw usage('Nobody will ever read a mail that is dropped. Say --yes if you mean it.');
      return drop(context, needed(verb, id));
    default:
      throw usage(`There is no 'mail ${verb}'.${didYouMeanOrHelp(meantWord(verb, ['list', 'show', 'retry', 'drop']))}`);
  }
}

function needed(verb: string, id: string | undefined): string {
  if (id === undefined) throw usage(`'mail ${verb}' needs a Message-ID; 'mail list' shows them.`);
  return id;
}

async function parkedMails({ line, ask }: MailContext): Promise<readonly ParkedReport[]> {
  const { mails } = (await ask('GET', '/mail')) as { mails: readonly ParkedReport[] };
  const tool = line.options.get('tool');
  return tool === undefined ? mails : mails.filter((mail) => mail.tool === tool);
}

async function list(context: MailContext): Promise<void> {
  const mails = await parkedMails(context);
  const rows = mails.map(({ tool, parked, tries, subject, why, is_retried, message_id }) => [
    tool,
    parked.slice(0, 16).replace('T', ' '),
    String(tries),
    subject,
    is_retried ? 'is tried again' : why,
    message_id,
  ]);
  const text = simpleTable(['Tool', 'Given up (UTC)', 'Tries', 'Subject', 'Why', 'Message-ID'], rows);
  context.print(mails, rows.length > 0 ? text : 'No mail was given up.');
}

async function show(context: MailContext, id: string): Promise<void> {
  const { mail } = (await context.ask('GET', pathOf(id))) as { mail: ParkedReport & { bytes: string } };
  const message = mail.bytes.replaceAll('\r\n', '\n');
  context.print(mail, context.isTerminal ? visibleText(message) : message);
}

async function retry(context: MailContext, id: string | undefined): Promise<void> {
  const all = context.line.options.has('all');
  if (all === (id !== undefined)) throw usage("'mail retry' needs a Message-ID, or --all.");
  const ids = id === undefined ? (await parkedMails(context)).map(({ message_id }) => message_id) : [id];
  let retried = 0;
  for (const one of ids) {
    try {
      await context.ask('POST', `${pathOf(one)}/retry`);
      retried += 1;
    } catch (error) {
      // Of all, one may have gone meanwhile.
      if (id !== undefined || !(error instanceof AppError) || error.code !== 'mail.not_found') throw error;
    }
  }
  context.print({ retried }, retried === 1 ? 'One mail is tried again.' : `${retried} mails are tried again.`);
}

async function drop(context: MailContext, id: string): Promise<void> {
  await context.ask('POST', `${pathOf(id)}/drop`);
  context.print({ dropped: id }, 'The mail is dropped.');
}

/** As a mail has it or without its brackets, which a shell would take for something else. */
function pathOf(id: string): string {
  return `/mail/${encodeURIComponent(id.startsWith('<') ? id : `<${id}>`)}`;
}
