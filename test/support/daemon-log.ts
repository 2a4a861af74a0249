/** What the daemon's own log says against it. */
import { readFile } from 'node:fs/promises';

/** Lines that tell of a mistake of the daemon's, not of the world's. */
export async function mistakesIn(logFile: string): Promise<string[]> {
  const log = await readFile(logFile, 'utf8');
  return log.split('\n').filter((line) => /"code":"internal"|"fatal"|actor failed|could not be handled/.test(line));
}
