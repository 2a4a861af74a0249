/** Writing a file whole or not at all. */
import { chmod, lstat, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../../src/errors.ts';

/**
 * A reader never meets half of it, and what was there stays when writing fails. A new file is for its owner only, because commands may hold
 * secrets; a present one keeps its mode, and a link its place.
 * @throws AppError `file.invalid`
 */
export async function writeWhole(file: string, text: string): Promise<void> {
  try {
    const present = await stat(file).catch(() => undefined);
    // A terminal, a pipe: nothing that could be replaced.
    if (present && !present.isFile()) return await writeFile(file, text);
    const isLink = (await lstat(file).catch(() => undefined))?.isSymbolicLink() ?? false;
    await replaceFile(isLink && present ? await realpath(file) : file, text, present ? present.mode & 0o777 : 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new AppError('file.invalid', `The file ${file} cannot be written (${code}).`, { cause });
  }
}

async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const beside = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    await writeFile(beside, text, { flag: 'wx', mode: 0o600 });
    await chmod(beside, mode);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}
