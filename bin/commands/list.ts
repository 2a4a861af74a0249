/** `list`: all jobs of the tool. */

import type { Job } from '../client/client.ts';
import { choiceOf } from '../terminal/arguments.ts';
import { longRows, saysLast, saysPublic, shortRows } from '../terminal/job-rows.ts';
import { prettyTable } from '../terminal/table.ts';
import { visibleLine } from '../terminal/terminal.ts';
import type { Command } from './outcome.ts';

export const listForms = ['normal', 'long', 'name', 'json'] as const;

/** Prints nothing where there is no job, so that scripts can count lines. */
export const listJobs: Command = async ({ client, line, say, isWatched }) => {
  const isLong = line.options.has('long');
  if (isLong) say('warning', '-l and --long will go away; use --output long.');
  const form = choiceOf(line, 'output', listForms) ?? (isLong ? 'long' : 'normal');
  const jobs = await client.listJobs();
  if (jobs.length === 0 && form !== 'json' && isWatched) say('info', 'This tool has no jobs.');
  return { text: jobs.length === 0 ? '' : textOf(jobs, form), data: jobs };
};

function textOf(jobs: readonly Job[], form: (typeof listForms)[number]): string {
  if (form === 'name') return jobs.map(({ name }) => visibleLine(String(name))).join('\n');
  const hasPublic = jobs.some(saysPublic);
  const hasLast = jobs.some(saysLast);
  const rows = jobs.map((job) => (form === 'long' ? longRows(job, hasPublic) : shortRows(job, hasLast)));
  return prettyTable(
    (rows[0] ?? []).map(([label]) => label),
    rows.map((row) => row.map(([, words]) => words)),
  );
}
