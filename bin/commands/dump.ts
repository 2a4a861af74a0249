/** `dump`: all jobs as a file that `load` takes. */
import { fileText, keysOf } from '../job-file/file-of-jobs.ts';
import { writeWhole } from '../job-file/write-file.ts';
import type { Command } from './outcome.ts';

export const dumpJobs: Command = async ({ client, line, say }) => {
  const file = line.options.get('to-file');
  const jobs = await client.listJobsAsSet();
  if (jobs.length === 0) {
    say('warning', `no jobs defined${file === undefined ? '' : `, file ${file} will not be created`}`);
    return { text: '', data: [] };
  }
  const entries = jobs.map((job) =>
    keysOf(job, (key) => say('warning', `unexpected key '${key}' in job, omitting it from dump`)),
  );
  const text = fileText(await import('yaml'), entries);
  if (file === undefined) return { text: text.trimEnd(), data: entries };
  await writeWhole(file, text);
  return { text: '', data: entries };
};
