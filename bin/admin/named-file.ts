/** A file that an operator names. */
import { readFile } from 'node:fs/promises';
import { AppError } from '../../src/errors.ts';

/** @param what it is, for people, e.g. `The kubeconfig` @throws AppError `settings.invalid` */
export async function readNamed(what: string, file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AppError('settings.invalid', `${what} ${file} cannot be read.`, { cause });
  });
}
