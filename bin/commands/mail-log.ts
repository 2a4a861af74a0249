/** `mail-log`: what became of each event in the mail of the tool and on the way to its webhook, the newest last. */
import type { Job } from '../client/client.ts';
import { numberOf } from '../terminal/arguments.ts';
import { momentOf, wordOf } from '../terminal/cells.ts';
import { simpleTable } from '../terminal/table.ts';
import type { Command } from './outcome.ts';

const maxRows = 1_000;

export const showMailLog: Command = async ({ client, line }) => {
  const rows = await client.listMailLog({ job: line.options.get('job'), limit: numberOf(line, 'last', 1, maxRows) });
  if (rows.length === 0) return { text: 'Nothing has happened that a mail or a webhook would tell of.', data: [] };
  const oldestFirst = [...rows].reverse();
  return {
    text: simpleTable(['When (UTC)', 'Job', 'Event', 'What became of it'], oldestFirst.map(cellsOf)),
    data: rows,
  };
};

function cellsOf({ happened, job, event, reason, message }: Job): string[] {
  const what = reason ? `${wordOf(event)} (${wordOf(reason).replaceAll('_', ' ')})` : wordOf(event);
  return [momentOf(happened), wordOf(job), what, wordOf(message)];
}
