/** `dump`: all jobs as a file that `load` takes. */

import type { Job } from '../client/client.ts';
import { fileText, keysOf } from '../job-file/file-of-jobs.ts';
import { writeWhole } from '../job-file/write-file.ts';
import type { Command, Context } from './outcome.ts';

export const dumpJobs: Command = async ({ client, line, say }) => {
  const file = line.options.get('to-file');
  const jobs = await client.listJobsAsSet();
  if (jobs.length === 0) {
    say('warning', `no jobs defined${file === undefined ? '' : `, file ${file} will not be created`}`);
    return { text: '', data: [] };
  }
  const entries = comingAfterKnown(jobs, say).map((job) =>
    keysOf(job, (key) => say('warning', `unexpected key '${key}' in job, omitting it from dump`)),
  );
  const text = fileText(await import('yaml'), entries);
  if (file === undefined) return { text: text.trimEnd(), data: entries };
  await writeWhole(file, text);
  return { text: '', data: entries };
};

/** A one-off that has ended is gone, and a file that names it would be refused. */
function comingAfterKnown(jobs: readonly Job[], say: Context['say']): Job[] {
  const names = new Set(jobs.map(({ name }) => name));
  return jobs.map((job) => {
    const { after: given, ...others } = job;
    if (!Array.isArray(given)) return job;
    const after = given.filter((name) => names.has(name));
    const gone = given.filter((name) => !names.has(name));
    if (gone.length === 0) return job;
    say('warning', `job '${job.name}' comes after '${gone.join("', '")}', which is gone: left out`);
    return after.length > 0 ? { ...others, after } : others;
  });
}
