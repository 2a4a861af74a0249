/** The bytes of a file of jobs, or of what is piped in. */
import { createReadStream } from 'node:fs';
import { AppError } from '../../src/errors.ts';

const maxBytes = 1_048_576;

/** @param file `-` for what is piped in. @throws AppError `file.invalid` */
export async function readJobFile(file: string): Promise<string> {
  const stream = file === '-' ? createReadStream('', { fd: 0, autoClose: false }) : createReadStream(file);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'EISDIR' ? 'it is a directory' : code;
    throw new AppError('file.invalid', `The file ${file} cannot be read (${why}).`, { cause });
  }
  if (bytes > maxBytes)
    throw new AppError('file.invalid', `The file ${file} has more than 1 MiB, which no list of jobs has.`);
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\ufeff/, '');
}
