/**
 * The words of a command line, read over the table of commands that cac holds. cac's own reader turns `0x10` into 16 and `-x foo` into
 * flags, and cannot tell an option that was not given from one with its default; here a value is the text that was typed.
 */
import { AppError } from '../../src/errors.ts';
import { nearest } from '../../src/nearest.ts';
import { didYouMean, didYouMeanOrHelp, meantWord } from './meant-word.ts';

/** `-o, --output <form>`: names, then `<value>`, `[optional value, digits only]` or nothing. As cac keeps it. */
export interface OptionRow {
  readonly rawName: string;
}

/** What is used of a command of cac's table. */
export interface CommandRow {
  readonly name: string;
  readonly aliasNames: readonly string[];
  readonly args: readonly { readonly required: boolean; readonly value: string }[];
  readonly options: readonly OptionRow[];
}

export interface CommandLine<C extends CommandRow = CommandRow> {
  /** Undefined where only global options were given. */
  readonly command: C | undefined;
  /** What stands beside the options, after the command. */
  readonly operands: readonly string[];
  /** By long name without dashes: `no-filelog`. The text of a value; '' for a switch or a value left out. The last one wins. */
  readonly options: ReadonlyMap<string, string>;
  /** Of options with a value all that were given, in their order. */
  readonly repeated?: ReadonlyMap<string, readonly string[]>;
}

interface Option {
  readonly key: string;
  readonly words: readonly string[];
  readonly value: 'none' | 'needed' | 'optional';
}

/** @throws AppError `usage.invalid` for a command or option that does not exist, naming the closest one, or an option without its value */
export function readArguments<C extends CommandRow>(
  words: readonly string[],
  commands: readonly C[],
  globals: readonly OptionRow[],
): CommandLine<C> {
  const rest = [...words];
  const operands: string[] = [];
  const options = new Map<string, string>();
  const repeated = new Map<string, string[]>();
  let command: C | undefined;
  let known = globals.map(readRow);
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--' && command) operands.push(...rest.splice(0));
    else if (isOption(word)) {
      const [option, given] = findOption(word, known, command?.name);
      const value = takeValue(option, given, rest, known);
      options.set(option.key, value);
      if (option.value === 'needed') repeated.set(option.key, [...(repeated.get(option.key) ?? []), value]);
    } else if (command) operands.push(word);
    else {
      command = findCommand(word, commands);
      known = [...known, ...command.options.map(readRow)];
    }
  }
  return { command, operands, options, repeated };
}

/** @throws AppError `usage.invalid` unless the command has what stands beside its options, and no more */
export function checkOperands({ command, operands }: CommandLine): void {
  if (!command) return;
  const missing = command.args.slice(operands.length).find(({ required }) => required);
  if (missing) throw usage(`'${command.name}' needs ${articleOf(missing.value)} ${missing.value}.`);
  const unused = operands.slice(command.args.length);
  if (unused.length > 0) throw usage(`'${command.name}' does not know what to do with '${unused.join(' ')}'.`);
}

/** The text of an option where it was given. @throws AppError `usage.invalid` for any other than the choices */
export function choiceOf<T extends string>(line: CommandLine, key: string, choices: readonly T[]): T | undefined {
  const text = line.options.get(key);
  const choice = choices.find((one) => one === text);
  if (text === undefined || choice !== undefined) return choice;
  throw usage(`--${key} must be one of ${choices.join(', ')}; '${text}' is not.${didYouMean(nearest(text, choices))}`);
}

/** A whole number where the option was given. @throws AppError `usage.invalid` for any other text or outside the bounds */
export function numberOf(line: CommandLine, key: string, min: number, max: number): number | undefined {
  const text = line.options.get(key);
  if (text === undefined) return undefined;
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw usage(`--${key} must be a whole number from ${min} to ${max}; '${text}' is not.`);
}

/** @throws AppError `usage.invalid` where two of the options were given */
export function refuseTogether(line: CommandLine, ...keys: readonly string[]): void {
  const [first, second] = keys.filter((key) => line.options.has(key));
  if (first && second) throw usage(`--${second} cannot be used together with --${first}.`);
}

/** @param problems where there are several; `message` has them all */
export function usage(message: string, problems?: readonly string[]): AppError {
  return new AppError('usage.invalid', message, problems && problems.length > 1 ? { problems } : {});
}

function isOption(word: string): boolean {
  return word.startsWith('-') && word !== '-';
}

function readRow({ rawName }: OptionRow): Option {
  const words = rawName.match(/(?<![^\s,])--?[a-z][a-z-]*/g) ?? [];
  const long = words.at(-1) ?? rawName;
  return {
    key: long.replace(/^-+/, ''),
    words,
    value: rawName.includes('<') ? 'needed' : rawName.includes('[') ? 'optional' : 'none',
  };
}

/** @returns the option and the value that is part of the word: `--mem=1Gi`, `-ojson` */
function findOption(word: string, known: readonly Option[], command: string | undefined): [Option, string | undefined] {
  const [, name = word, given] = /^(--[^=]+|-[^-=])(?:=(.*))?$/s.exec(word) ?? [];
  const whole = known.find(({ words }) => words.includes(name));
  if (whole) return [whole, given];
  const joined = word.startsWith('--') ? undefined : known.find(({ words }) => words.includes(word.slice(0, 2)));
  if (joined && joined.value !== 'none') return [joined, word.slice(2)];
  const keys = known.map(({ key }) => key);
  const meant = meantWord(name.replace(/^-+/, ''), keys);
  const owner = command === undefined ? 'There is no' : `'${command}' has no`;
  throw usage(`${owner} option '${name}'.${didYouMeanOrHelp(meant && `--${meant}`)}`);
}

function takeValue(option: Option, given: string | undefined, rest: string[], known: readonly Option[]): string {
  if (option.value === 'none') {
    if (given !== undefined) throw usage(`--${option.key} takes no value.`);
    return '';
  }
  if (given !== undefined) return given;
  // Only digits: in `run --wait my-job` the next word is the job.
  if (option.value === 'optional') return /^\d+$/.test(rest[0] ?? '') ? (rest.shift() ?? '') : '';
  const next = rest.shift();
  if (next === undefined) throw usage(`--${option.key} needs a value.`);
  // A value may begin with a dash, but one that is an option of this command was hardly meant as a value.
  const [name] = next.split('=', 1);
  if (next === '--' || known.some(({ words }) => words.includes(name ?? ''))) {
    throw usage(`--${option.key} needs a value. If '${next}' is meant, write --${option.key}='${next}'.`);
  }
  return next;
}

function findCommand<C extends CommandRow>(word: string, commands: readonly C[]): C {
  const command = commands.find(({ name, aliasNames }) => name === word || aliasNames.includes(word));
  if (command) return command;
  const names = commands.flatMap(({ name, aliasNames }) => [name, ...aliasNames]);
  throw usage(`There is no command '${word}'.${didYouMeanOrHelp(meantWord(word, names))}`);
}

function articleOf(word: string): string {
  return /^[aeiou]/.test(word) ? 'an' : 'a';
}
