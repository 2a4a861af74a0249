/** A file that an operator names. */
import { readFile } from 'node:fs/promises';
import { readAuthorities } from '../../src/authorities.ts';
import { AppError } from '../../src/errors.ts';

/** @param what it is, for people, e.g. `The kubeconfig` @throws AppError `settings.invalid` */
export async function readNamed(what: string, file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AppError('settings.invalid', `${what} ${file} cannot be read.`, { cause });
  });
}

/** PEM to verify others with, of which every part can be read: TLS takes what it can of a bundle and says nothing of the rest. @throws AppError `settings.invalid` */
export async function readNamedAuthorities(file: string): Promise<string> {
  const pem = await readNamed('The authority', file);
  readAuthorities(pem, file);
  return pem;
}
