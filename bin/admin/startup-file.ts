/** The start-up file of the daemon, as its operator names it. */
import { parseStartup, type Startup } from '../../src/settings.ts';
import { readNamed } from './named-file.ts';

export const defaultStartupFile = '/etc/toolforge-jobs/jobsd.yaml';

/** @throws AppError `settings.invalid` */
export async function readStartup(file: string): Promise<Startup> {
  return parseStartup(await readNamed('The start-up file', file));
}
