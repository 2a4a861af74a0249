/**
 * The mailboxes on disk: `<directory>/<2 hex digits>/<tool>.json`, one for each tool, each written whole. Read once, at the start; then the
 * running queues are what counts and the files follow them.
 */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Tool } from '../domain.ts';
import { recordAt, textAt } from '../fields.ts';
import type { Log } from '../log.ts';
import type { Mailbox } from '../mailbox.ts';
import { parseMailbox } from '../mailbox-parse.ts';
import { DurableFile, spreadOf } from '../store.ts';

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

const readsAtOnce = 32;

export interface MailboxFilesOptions {
  readonly directory: string;
  readonly log: Log;
  /** As store.ts has it. */
  readonly mayWrite?: () => boolean;
}

export function createMailboxFiles({ directory, log, mayWrite }: MailboxFilesOptions): MailboxFiles {
  const files = new Map<string, DurableFile<Saved>>();

  function fileOf(tool: string): DurableFile<Saved> {
    const known = files.get(tool);
    if (known) return known;
    const path = join(directory, spreadOf(tool), `${tool}.json`);
    const file = new DurableFile<Saved>({
      path,
      parse: (value) => parse(value, tool),
      mayWrite,
      onBad: (keptAs, cause) =>
        log.error({ tool, keptAs, err: cause }, 'a mailbox cannot be read; the file is set aside, and it begins anew'),
    });
    files.set(tool, file);
    return file;
  }

  return {
    async load() {
      const tools = await toolsIn(directory, log);
      const boxes: Mailbox[] = [];
      const next = tools.values();
      const read = async () => {
        for (const tool of next) {
          const saved = await fileOf(tool).read();
          if (saved) boxes.push(saved.mailbox);
        }
      };
      await Promise.all(Array.from({ length: readsAtOnce }, read));
      return boxes;
    },
    save: (mailbox) => fileOf(mailbox.tool).write({ sum: sumOf(mailbox), mailbox }),
  };
}

/** Names of files are not believed either: a tool is who can be written to. */
async function toolsIn(directory: string, log: Log): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(nothingYet);
  const tools: string[] = [];
  for (const entry of entries) {
    const tool = /^(.+)\.json$/.exec(entry.name)?.[1];
    if (!entry.isFile() || tool === undefined) continue;
    if (Tool.ofNamespace(`tool-${tool}`) && entry.parentPath === join(directory, spreadOf(tool))) tools.push(tool);
    else log.warn({ file: join(entry.parentPath, entry.name) }, 'a file among the mailboxes that is none');
  }
  return tools;
}

function nothingYet(error: NodeJS.ErrnoException): never[] {
  if (error.code === 'ENOENT') return [];
  throw error;
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
