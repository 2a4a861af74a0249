/** The mailboxes on disk, each with a sum over its text. Read once, at the start; then the running queues are what counts. */
import { createHash } from 'node:crypto';
import { recordAt, textAt } from '../fields.ts';
import type { Log } from '../log.ts';
import type { Mailbox } from '../mailbox.ts';
import { parseMailbox } from '../mailbox-parse.ts';
import { createToolFiles } from '../tool-files.ts';

export interface MailboxFiles {
  /** Every mailbox that can be read; the others are set aside and said. */
  load(): Promise<Mailbox[]>;
  /** Resolves when this state or a later one of that tool is on disk. @throws what the disk says */
  save(mailbox: Mailbox): Promise<void>;
}

/** What stands in the file: the mailbox, and a sum over its text. */
interface Saved {
  readonly sum: string;
  readonly mailbox: Mailbox;
}

export interface MailboxFilesOptions {
  readonly directory: string;
  readonly log: Log;
  /** As store.ts has it. */
  readonly mayWrite?: () => boolean;
}

export function createMailboxFiles(options: MailboxFilesOptions): MailboxFiles {
  const files = createToolFiles<Saved>({ ...options, what: 'mailbox', parse });
  return {
    load: async () => (await files.load()).map(({ mailbox }) => mailbox),
    save: (mailbox) => files.save(mailbox.tool, { sum: sumOf(mailbox), mailbox }),
  };
}

/** Not against an enemy, who could write both: against a disk that gives back something else. */
function sumOf(mailbox: object): string {
  return createHash('sha256').update(JSON.stringify(mailbox)).digest('hex').slice(0, 16);
}

/** @throws Error for a file of another version or tool, a damaged one, and one of another shape */
function parse(value: unknown, tool: string): Saved {
  const raw = recordAt(value, 'mailbox');
  const sum = textAt(value, 'sum');
  if (sum === undefined || sumOf(raw) !== sum) throw new Error('The sum over the file is another one.');
  const mailbox = parseMailbox(raw);
  if (mailbox.tool !== tool) throw new Error('The file is of another tool.');
  return { sum, mailbox };
}
