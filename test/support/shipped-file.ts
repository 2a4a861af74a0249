/** A file of config/ as an operator changes it before it is put up. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from './repository-root.ts';

/**
 * @param path below the repository
 * @throws Error where one of the texts is not there: what is not replaced would be this machine's
 */
export async function shippedFile(path: string, replacements: Readonly<Record<string, string>>): Promise<string> {
  let text = await readFile(join(repositoryRoot, path), 'utf8');
  for (const [from, to] of Object.entries(replacements)) {
    if (!text.includes(from)) throw new Error(`${path} has no '${from}'.`);
    text = text.replaceAll(from, to);
  }
  return text;
}
