/** One entry of a file as the options that `run` would have been given. */
import { didYouMean, meantWord } from '../terminal/meant-word.ts';
import { knownKeys, listKeys, mappingKeys, matrixKeys, neededKeys, optionOfKey, switchKeys } from './keys.ts';
import { type FileEntry, isNothing, type Value } from './yaml-entries.ts';

export interface EntryOptions {
  readonly number: number;
  readonly name: string;
  /** As of a command line: '' for a switch. */
  readonly options: ReadonlyMap<string, string>;
  /** Those that may be given several times. */
  readonly repeated: ReadonlyMap<string, readonly string[]>;
  /** Of a job that is not even named or has nothing to run; whole sentences. */
  readonly missing: readonly string[];
  /** Each the rest of a sentence about this job. */
  readonly problems: readonly string[];
  /** Whole sentences. */
  readonly warnings: readonly string[];
}

/** Unquoted words that YAML 1.1 has for the same thing; people's files are full of them. */
const truths = /^(?:true|yes|on)$/i;
const falsehoods = /^(?:false|no|off)$/i;

/** @returns the name of an entry; undefined where it has none */
export function nameOf({ values }: FileEntry): string | undefined {
  const value = values.get('name');
  return value && !isNothing(value) ? value.text : undefined;
}

export function optionsOf(entry: FileEntry): EntryOptions {
  const { number, values, lists, mappings } = entry;
  const name = nameOf(entry) ?? '';
  const options = new Map<string, string>();
  const repeated = new Map<string, readonly string[]>();
  const missing: string[] = [];
  const problems: string[] = [];
  const warnings = entry.warnings.map((text) => `In job '${name || number}' ${text}.`);
  const warn = (text: string) => warnings.push(text);
  for (const key of neededKeys) {
    const value = values.get(key);
    if (!value || isNothing(value)) missing.push(missingText(number, name, key));
  }
  for (const [key, value] of values) {
    if (!knownKeys.includes(key)) {
      const meant = didYouMean(meantWord(key, knownKeys));
      warn(`Unknown key '${key}' in job '${name || number}' definition${meant && `.${meant}`}`);
    } else if (isNothing(value)) {
      if (!neededKeys.some((one) => one === key))
        warn(`'${key}' in job '${name || number}' has no value and is left out.`);
    } else if (switchKeys.some((one) => one === key)) readSwitch(key, value);
    else if (key === 'wait') readWait(value);
    else if (matrixKeys.includes(key))
      problems.push(`'${key}' must be names with lists of values, e.g. "WIKI: [frwiki, dewiki]".`);
    else if (listKeys.includes(key)) setAll(key, [value.text]);
    else if (mappingKeys.includes(key)) problems.push(`'${key}' must be names with values, e.g. "WIKI: frwiki".`);
    else if (key !== 'name') options.set(key, value.text);
  }
  for (const [key, items] of lists) setAll(key, items.map(textOf));
  for (const [key, pairs] of mappings) readPairs(key, pairs);
  return { number, name, options, repeated, missing, problems, warnings };

  /** As if given so often; the last one counts where one counts. An empty list asks for none. */
  function setAll(key: string, texts: readonly string[]): void {
    const [last] = texts.slice(-1);
    if (last !== undefined) {
      options.set(key, last);
      repeated.set(key, texts);
    } else if (key === 'schedule') warn(`'${key}' in job '${name || number}' has no value and is left out.`);
  }

  function readPairs(key: string, pairs: ReadonlyMap<string, Value>): void {
    const given = [...pairs].filter(([one, value]) => {
      if (isNothing(value)) warn(`'${one}' below '${key}' in job '${name || number}' has no value and is left out.`);
      return !isNothing(value);
    });
    if (given.length > 0)
      repeated.set(
        optionOfKey.get(key) ?? key,
        given.map(([one, { text }]) => `${one}=${text}`),
      );
  }

  function readSwitch(key: string, value: Value): void {
    if (truths.test(value.text)) {
      options.set(key, '');
      if (value.isQuoted) warn(`'${key}' in job '${name}' should be true without quotes; quoted words will go away.`);
    } else if (isFalse(value)) {
      const instead = key === 'filelog' ? " Write 'no-filelog: true' to switch file logs off." : '';
      warn(`'${key}' in job '${name}' can only be true, and is left out.${instead}`);
    } else {
      problems.push(`'${key}' must be true or left out; '${value.text}' is neither.`);
    }
  }

  function readWait(value: Value): void {
    if (isFalse(value)) warn(`'wait' in job '${name}' can only be true or seconds, and is left out.`);
    else if (values.has('schedule') || lists.has('schedule') || values.has('continuous')) {
      warn(`'wait' in job '${name}' is left out: only one-off jobs come to an end.`);
    } else options.set('wait', truths.test(value.text) ? '' : value.text);
  }
}

export function isFalse({ text }: Value): boolean {
  return falsehoods.test(text);
}

/** The sentence is known from the earlier clients. */
function textOf({ text }: Value): string {
  return text;
}

function missingText(number: number, name: string, key: string): string {
  const of = name === '' ? '' : ` ('${name}')`;
  return `Unable to load job number ${number}${of}: missing configuration parameter ${key}`;
}
