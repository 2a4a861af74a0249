/** The keys of a job as users send them: each value is checked for its form, each problem is kept with the field it belongs to. */
import type { AppError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { parseQuantity } from './quantity.ts';

export interface Problem {
  readonly field: string;
  /** A sentence that names the field and the rule, with an example where one helps. */
  readonly text: string;
  /** The failure of a part that has a code of its own. */
  readonly cause?: AppError;
}

/** Keys a request may hold, and whether null means the same as leaving the key out. */
const nullable: ReadonlyMap<string, boolean> = new Map([
  ['name', false],
  ['cmd', false],
  ['imagename', false],
  ['schedule', false],
  ['schedules', true],
  ['matrix', true],
  ['continuous', false],
  ['job_type', false],
  ['filelog', false],
  ['filelog_stdout', true],
  ['filelog_stderr', true],
  ['emails', false],
  ['mount', false],
  ['memory', true],
  ['cpu', true],
  ['retry', false],
  ['timeout', true],
  ['suspend', true],
  ['suspend_after', true],
  ['timezone', false],
  ['concurrency', false],
  ['starting_deadline', true],
  ['replicas', false],
  ['port', true],
  ['port_protocol', false],
  ['health_check', true],
  ['publish', false],
  ['parameters', true],
  ['after', true],
  ['unusual', false],
]);

/** Words of other interfaces for the same things, too far away for the nearest word. */
const otherWords: ReadonlyMap<string, string> = new Map([
  ['command', 'cmd'],
  ['image', 'imagename'],
  ['mem', 'memory'],
  ['cron', 'schedule'],
  ['tz', 'timezone'],
  ['concurrency_policy', 'concurrency'],
  ['type', 'job_type'],
  ['stdout', 'filelog_stdout'],
  ['stderr', 'filelog_stderr'],
  ['email', 'emails'],
  ['env', 'parameters'],
  ['environment', 'parameters'],
  ['variables', 'parameters'],
]);

export interface FieldReader {
  readonly problems: Problem[];
  refuse(field: string, rule: string): undefined;
  hasProblem(field: string): boolean;
  text(field: string): string | undefined;
  /** '' together with a problem where there is no text; `sentence` is for a missing or empty one. */
  required(field: string, sentence: string): string;
  flag(field: string): boolean | undefined;
  choice<T extends string>(field: string, choices: readonly T[]): T | undefined;
  /** A whole number from `least` to `most`; digits as text count as well, since some clients send them. */
  count(field: string, least: number, most: number, example: number): number | undefined;
  /** As it was sent, for keys that take values of several forms. */
  value(field: string): unknown;
  /** The keys and values of an object. */
  record(field: string, example: string): Readonly<Record<string, unknown>> | undefined;
  list(field: string, example: string): readonly unknown[] | undefined;
  /** A Kubernetes quantity above zero, as typed. */
  quantity(field: string, example: string): string | undefined;
}

export function createFieldReader(input: Readonly<Record<string, unknown>>): FieldReader {
  const problems: Problem[] = Object.keys(input)
    .filter((key) => !nullable.has(key))
    .map(unknownKey);
  const given = (field: string) => {
    const value = Object.hasOwn(input, field) ? input[field] : undefined;
    return value === null && nullable.get(field) ? undefined : value;
  };
  const refuse = (field: string, rule: string): undefined => void problems.push({ field, text: `${field}: ${rule}` });

  /** The value where `isRight`, undefined where there is none, and a problem otherwise. */
  function checked<T>(field: string, isRight: (value: unknown) => value is T, rule: string): T | undefined {
    const value = given(field);
    if (value === undefined || isRight(value)) return value;
    return refuse(field, `${shown(value)} ${rule}`);
  }

  return {
    problems,
    refuse,
    hasProblem: (field) => problems.some((problem) => problem.field === field),
    text: (field) => checked(field, isText, 'is not text.'),
    required(field, sentence) {
      const value = given(field);
      if (value === undefined || value === '') problems.push({ field, text: sentence });
      return checked(field, isText, 'is not text.') ?? '';
    },
    flag: (field) => checked(field, isFlag, 'is neither true nor false.'),
    choice: <T extends string>(field: string, choices: readonly T[]) =>
      checked(
        field,
        (value): value is T => (choices as readonly unknown[]).includes(value),
        `is not one of ${choices.join(', ')}.`,
      ),
    count(field, least, most, example) {
      const rule = `is not a whole number from ${least} to ${most}. Example: ${example}.`;
      const value = checked(field, (value): value is number | string => isCount(value, least, most), rule);
      return value === undefined ? undefined : Number(value);
    },
    value: given,
    record: (field, example) => checked(field, isRecord, `is not an object. Example: ${example}.`),
    list: (field, example) => checked(field, Array.isArray, `is not a list. Example: ${example}.`),
    quantity: (field, example) =>
      checked(field, isQuantity, `is not a valid Kubernetes quantity above 0. Example: "${example}".`),
  };
}

function unknownKey(key: string): Problem {
  const near = otherWords.get(key) ?? nearest(key, nullable.keys());
  return {
    field: key.slice(0, 64),
    text: `${shown(key)} is not a key of a job.${near ? ` Did you mean "${near}"?` : ''}`,
  };
}

/** Typed text inside a message: escaped and short. */
export function shown(value: unknown): string {
  const text =
    typeof value === 'object' && value !== null
      ? Array.isArray(value)
        ? 'a list'
        : 'an object'
      : (JSON.stringify(value) ?? 'nothing');
  return text.length > 80 ? `${text.slice(0, 78)}…"` : text;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isCount(value: unknown, least: number, most: number): boolean {
  const number = isText(value) && /^\d{1,10}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Zero is refused: to Kubernetes a limit of 0 is no limit at all. */
function isQuantity(value: unknown): value is string {
  return isText(value) && (parseQuantity(value)?.units ?? 0n) > 0n;
}
