/** `show`: everything about one job. */
import type { Job } from '../client/client.ts';
import { showRows } from '../terminal/job-rows.ts';
import { gridTable } from '../terminal/table.ts';
import type { Command } from './outcome.ts';

export const showJob: Command = async ({ client, line }) => {
  const job = await client.showJob(line.operands[0] ?? '', line.options.get('at'));
  return { text: showText(job), data: job };
};

export function showText(job: Job): string {
  return gridTable(showRows(job));
}
