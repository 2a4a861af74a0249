/** Files of settings and kubeconfigs as records whose values nobody has checked. */
import { readFileSync } from 'node:fs';
import { AppError } from '../../src/errors.ts';
import { parsePlainYaml } from './plain-yaml.ts';

export type Fields = Readonly<Record<string, unknown>>;

/**
 * @returns the mapping in the file; undefined where there is no such file, or nothing in it
 * @throws AppError `settings.invalid`
 */
export async function readConfigFile(file: string): Promise<Fields | undefined> {
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  const value = await parseYaml(text).catch((cause: unknown) => {
    throw invalidConfig(`Unable to parse config file ${file}`, cause);
  });
  if (value === null || value === undefined) return undefined;
  if (!isFields(value)) throw invalidConfig(`Unable to parse config file ${file}: it is no mapping of keys to values.`);
  return value;
}

/** @param what says in a message which file it is. @throws AppError `settings.invalid` */
export function readNeededFile(file: string, what: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw invalidConfig(`The file ${file} (${what}) cannot be read.`, cause);
  }
}

export function invalidConfig(message: string, cause?: unknown): AppError {
  return new AppError('settings.invalid', message, cause === undefined ? {} : { cause });
}

/** The mapping under a key; empty where there is none. */
export function sectionOf(fields: Fields, key: string): Fields {
  const value = fields[key];
  return isFields(value) ? value : {};
}

export function textOf(fields: Fields, key: string): string | undefined {
  const value = fields[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw invalidConfig(`The config file ${file} cannot be read.`, cause);
  }
}

/** JSON is YAML as well, and the quickest to read. The full parser is loaded only for files that need it. */
async function parseYaml(text: string): Promise<unknown> {
  if (text.startsWith('{')) {
    try {
      return JSON.parse(text);
    } catch {
      // A YAML flow mapping that is no JSON: for the full parser.
    }
  }
  const plain = parsePlainYaml(text);
  if (plain) return plain.value;
  const { parse } = await import('yaml');
  return parse(text);
}
