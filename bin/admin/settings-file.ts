/** A ConfigMap of settings in a file, read as kubectl reads it, and what of it can be used. */
import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { parse as parseYaml } from 'yaml';
import { AppError } from '../../src/errors.ts';
import { recordAt } from '../../src/fields.ts';
import { meantSetting, parseSettings, type Startup, settingDefaults, settingKeys } from '../../src/settings.ts';

export interface SettingsFile {
  /** Of the file as it was named, for people. */
  readonly name: string;
  /** The keys that are read here. */
  readonly given: Readonly<Record<string, string>>;
  /** One sentence for each key that is not. */
  readonly notRead: readonly string[];
}

/**
 * @param file path, `-` for standard input
 * @param allow `smtp.allow` of the start-up file; undefined where it is not known: then no server is refused
 * @throws AppError `settings.invalid` naming every problem
 */
export async function readSettingsFile(
  file: string,
  allow: Startup['smtp']['allow'] | undefined,
): Promise<SettingsFile> {
  const name = file === '-' ? 'What was read' : file;
  const data = dataOf(name, await readText(name, file));
  const problems = Object.entries(data).flatMap(([key, value]) =>
    typeof value === 'string' ? [] : [`${key}: must be text; write it in quotes`],
  );
  const texts = Object.fromEntries(
    Object.entries(data).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
  const unknownKeys = attempt(() => parseSettings(texts, { allow: allow ?? ownServer(texts) }).unknownKeys, problems);
  if (problems.length > 0) throw invalid(`${name} cannot be used:`, problems);
  return {
    name,
    given: Object.fromEntries(Object.entries(texts).filter(([key]) => settingKeys.includes(key))),
    notRead: (unknownKeys ?? []).map(sentenceAbout),
  };
}

/** Other programs may share the map: a key that is nobody's here is no mistake, one that looks like ours may be. */
export function sentenceAbout(unknownKey: string): string {
  const meant = meantSetting(unknownKey);
  return `${unknownKey} is not read here${meant === undefined ? '.' : `; did you mean ${meant}?`}`;
}

async function readText(name: string, file: string): Promise<string> {
  try {
    // Not /dev/stdin: where that is a socket, as behind many programs, it cannot be opened.
    return await (file === '-' ? textOf(process.stdin) : readFile(file, 'utf8'));
  } catch (cause) {
    throw new AppError('settings.invalid', `${name} cannot be read.`, { cause });
  }
}

/** The `data` of a ConfigMap, or a file of nothing but keys. YAML 1.1, as the cluster's tools read it: there `no` without quotes is no text. */
function dataOf(name: string, text: string): Readonly<Record<string, unknown>> {
  let document: unknown;
  try {
    document = parseYaml(text, { version: '1.1', maxAliasCount: 0 });
  } catch (cause) {
    throw invalid(`${name} is not YAML:`, [cause instanceof Error ? cause.message : String(cause)]);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw invalid(`${name} is no ConfigMap.`, []);
  const { kind, data } = document as { kind?: unknown; data?: unknown };
  if (kind === undefined && data === undefined) return document as Record<string, unknown>;
  if (kind !== 'ConfigMap') throw invalid(`${name} is no ConfigMap: its kind is ${String(kind)}.`, []);
  return recordAt(data);
}

function attempt<T>(parse: () => T, problems: string[]): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    problems.push(...(error.problems ?? [error.message]));
    return undefined;
  }
}

function ownServer(texts: Readonly<Record<string, string>>): Startup['smtp']['allow'] {
  const { smtp_server_fqdn: host = '', smtp_server_port: port } = { ...settingDefaults, ...texts };
  return [{ host, port: Number(port) }];
}

function invalid(message: string, problems: readonly string[]): AppError {
  return new AppError('settings.invalid', [message, ...problems.map((problem) => `  ${problem}`)].join('\n'), {
    problems,
  });
}
