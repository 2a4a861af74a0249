/** The start-up file of the daemon, as its operator names it. */
import { readFile } from 'node:fs/promises';
import { AppError } from '../../src/errors.ts';
import { parseStartup, type Startup } from '../../src/settings.ts';

export const defaultStartupFile = '/etc/toolforge-jobs/jobsd.yaml';

/** @throws AppError `settings.invalid` */
export async function readStartup(file: string): Promise<Startup> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AppError('settings.invalid', `The start-up file ${file} cannot be read.`, { cause });
  });
  return parseStartup(text);
}
