/**
 * The words of an administrator's command line. Values are taken from the words themselves: cac turns `1e3` into a number, and cannot tell
 * an option that was not given from one with its default.
 */
import { AppError } from '../../src/errors.ts';
import { nearest } from '../../src/nearest.ts';

export interface OptionSpec {
  readonly name: string;
  readonly short?: string;
  /** Takes a value; a switch otherwise. */
  readonly value: boolean;
}

export interface Arguments {
  readonly values: ReadonlyMap<string, string>;
  readonly switches: ReadonlySet<string>;
  /** What is left, in order. */
  readonly words: readonly string[];
}

/** @throws AppError `usage.invalid` for an unknown, repeated or incomplete option, with a suggestion */
export function readArguments(args: readonly string[], specs: readonly OptionSpec[]): Arguments {
  const values = new Map<string, string>();
  const switches = new Set<string>();
  const words: string[] = [];
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (!word.startsWith('-') || word === '-') {
      words.push(word);
      continue;
    }
    const [option = '', inline] = splitOnce(word);
    const spec = specs.find(
      ({ name, short }) => option === `--${name}` || (short !== undefined && option === `-${short}`),
    );
    if (!spec) throw unknownOption(option, specs);
    if (values.has(spec.name) || switches.has(spec.name)) throw usage(`--${spec.name} is given twice.`);
    if (!spec.value) {
      if (inline !== undefined) throw usage(`--${spec.name} takes no value.`);
      switches.add(spec.name);
      continue;
    }
    const value = inline ?? rest.shift();
    if (value === undefined || value === '') throw usage(`--${spec.name} needs a value.`);
    values.set(spec.name, value);
  }
  return { values, switches, words };
}

/** A whole number within bounds, or undefined where the option was not given. @throws AppError `usage.invalid` */
export function numberOf(args: Arguments, name: string, min: number, max: number): number | undefined {
  const text = args.values.get(name);
  if (text === undefined) return undefined;
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw usage(`--${name} must be a whole number from ${min} to ${max}.`);
}

export function usage(message: string): AppError {
  return new AppError('usage.invalid', message);
}

/** ` Did you mean 'x'?`, or nothing when no candidate is close. */
export function suggestion(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  return near === undefined ? '' : ` Did you mean '${near}'?`;
}

function unknownOption(option: string, specs: readonly OptionSpec[]): AppError {
  return usage(
    `There is no option '${option}'.${suggestion(
      option,
      specs.map(({ name }) => `--${name}`),
    )}`,
  );
}

function splitOnce(word: string): [string, string | undefined] {
  const at = word.indexOf('=');
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}
