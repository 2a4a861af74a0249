/** The jobs of the file that a command line names, or everything that is wrong with it. */
import { AppError } from '../../src/errors.ts';
import { nearest } from '../../src/nearest.ts';
import { problemsOfDefaults, warningsOfDefaults, withDefaults } from '../job-file/defaults.ts';
import { nameOf } from '../job-file/entry-options.ts';
import { type FileJob, jobsOfFile } from '../job-file/jobs-of-file.ts';
import { readJobFile } from '../job-file/read-file.ts';
import { type FileEntry, readEntries } from '../job-file/yaml-entries.ts';
import { didYouMean } from '../terminal/meant-word.ts';
import type { Context } from './outcome.ts';

/** @throws AppError `file.invalid`, or `job.invalid` with every problem of every entry */
export async function readJobs({ line, say }: Context): Promise<readonly FileJob[]> {
  const [file = '-'] = line.operands;
  const content = readEntries(await import('yaml'), await readJobFile(file));
  if (content.kind === 'unreadable')
    throw new AppError('file.invalid', `Unable to parse yaml file '${file}': ${content.why}`);
  const { problemsOfBody } = await import('../job-file/job-rules.ts');
  const { defaults } = content;
  const all = defaults ? content.entries.map((entry) => withDefaults(entry, defaults)) : content.entries;
  const { jobs, ...found } = jobsOfFile(chosen(all, file, line.options.get('job')), problemsOfBody, all);
  const warnings = [...(defaults ? warningsOfDefaults(defaults) : []), ...found.warnings];
  const problems = [...(defaults ? problemsOfDefaults(defaults) : []), ...found.problems];
  for (const warning of warnings) say('warning', warning);
  if (problems.length > 0) throw nothingSent(problems);
  return jobs;
}

/** @param problems whole sentences */
export function nothingSent(problems: readonly string[]): AppError {
  const nothing = 'Nothing was sent: all jobs of the file must be right first.';
  return new AppError('job.invalid', problems.join('\n'), { problems: [...problems, nothing] });
}

function chosen(entries: readonly FileEntry[], file: string, name: string | undefined): readonly FileEntry[] {
  if (name === undefined) return entries;
  const found = entries.filter((entry) => nameOf(entry) === name);
  if (found.length > 0) return found;
  const meant = nearest(
    name,
    entries.map(nameOf).filter((one) => one !== undefined),
  );
  throw new AppError('job.not_found', `There is no job '${name}' in ${file}.${didYouMean(meant)}`, {
    fields: { name },
  });
}
