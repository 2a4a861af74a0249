/** `undo`: shows what jobs were before they were changed or deleted, and makes them so again, as `apply` would. */
import { AppError } from '../../src/errors.ts';
import { momentWords, stampOfMoment } from '../../src/stamps.ts';
import type { FormerJob } from '../client/client.ts';
import type { FileJob } from '../job-file/jobs-of-file.ts';
import { usage } from '../terminal/arguments.ts';
import { simpleTable } from '../terminal/table.ts';
import { applyJobs } from './apply.ts';
import type { Command } from './outcome.ts';
import { refusePart } from './refuse-part.ts';

export const undoChanges: Command = async (context) => {
  const { client, line } = context;
  const [name] = line.operands;
  const since = line.options.get('since');
  const after = since === undefined ? undefined : timeOf(since);
  const former = await client.listFormer();
  if (name === undefined && after === undefined)
    return { text: former.length > 0 ? tableOf(former) : '', data: former };
  const ofName = former.filter(({ job }) => name === undefined || job.name === name);
  // Newest first: the last one of a name is what it was before everything that came since.
  const meant = after === undefined ? ofName.slice(0, 1) : ofName.filter(({ at }) => Date.parse(at) >= after);
  const before = new Map(meant.map(({ job }) => [job.name, job]));
  if (before.size === 0) {
    if (name !== undefined) await refusePart(client, name);
    throw nothingKept(name, since);
  }
  const jobs = [...before].map(
    ([job, body], index): FileJob => ({ number: index + 1, name: job, body, wait: undefined }),
  );
  return applyJobs(context, jobs, false);
};

function tableOf(former: readonly FormerJob[]): string {
  return simpleTable(
    ['When', 'Job', 'It was', 'Its command'],
    former.map(({ at, reason, job }) => [at.replace(/\.\d+Z$/, 'Z'), job.name, reason, String(job.cmd)]),
  );
}

function nothingKept(name: string | undefined, since: string | undefined): AppError {
  const what = name === undefined ? 'No job' : `The job '${name}'`;
  const when = since === undefined ? 'in the last 7 days' : `since ${since}`;
  return new AppError('job.not_found', `${what} was ${name === undefined ? '' : 'not '}changed or deleted ${when}.`);
}

/** The same as of other commands, but for a number alone: who means a year must not undo what was changed some seconds ago. @throws AppError `usage.invalid` */
function timeOf(text: string): number {
  const stamp = /^\d+$/.test(text) ? undefined : stampOfMoment(text, Date.now());
  if (stamp === undefined) throw usage(`--since must be ${momentWords}; '${text}' is none.`);
  return Date.parse(stamp);
}
