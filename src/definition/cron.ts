/**
 * Cron text to the five fields that run, and these to firing times. What is accepted is what earlier services accepted, less what
 * Kubernetes would refuse. Times come from croner; the rules of the text are ours, so that every refusal says which field and why.
 */
import { Cron } from 'croner';
import { AppError } from '../errors.ts';
import { createDraw } from './spread.ts';

export interface Schedule {
  /** As typed. */
  readonly text: string;
  /** Five fields as Kubernetes gets them: lower case, single spaces, Sunday as 0. */
  readonly actual: string;
}

interface Field {
  readonly min: number;
  readonly max: number;
  /** Words and numbers that stand for a value, alone in their place only. */
  readonly names: ReadonlyMap<string, number>;
}

const noNames: ReadonlyMap<string, number> = new Map();
const dayNames = new Map(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'].map((name, day) => [name, day] as const));

/** Minute, hour, day of the month, month, day of the week. */
const fields: readonly Field[] = [
  { min: 0, max: 59, names: noNames },
  { min: 0, max: 23, names: noNames },
  { min: 1, max: 31, names: noNames },
  { min: 1, max: 12, names: noNames },
  { min: 0, max: 6, names: new Map([...dayNames, ['7', 0]]) },
];

/** Which fields a macro draws, in the order of `fields`. */
const macros = new Map<string, readonly boolean[]>([
  ['@hourly', [true, false, false, false, false]],
  ['@daily', [true, true, false, false, false]],
  ['@weekly', [true, true, false, false, true]],
  ['@monthly', [true, true, true, false, false]],
  ['@yearly', [true, true, true, true, false]],
]);

const maxTextLength = 256;
const example = 'Example: "0 7 * * *" (every day at 07:00 UTC).';

/**
 * Weekday 7 is Sunday to people but unknown to Kubernetes, so it becomes 0 in `actual`. A macro's times depend on the seed alone.
 * @throws AppError `schedule.invalid` naming the field and the rule, with one example
 * @example parseSchedule('@daily', { tool: 'some-tool', job: 'some-job' }) -> { text: '@daily', actual: '56 6 * * *' }
 */
export function parseSchedule(text: string, seed: { readonly tool: string; readonly job: string }): Schedule {
  if (text.length > maxTextLength)
    throw invalid(`${text.slice(0, 40)}…`, { problem: `It is longer than ${maxTextLength} characters` });
  const result = text.startsWith('@') ? readMacro(text, `${seed.tool} ${seed.job}`) : readFields(text);
  if ('actual' in result) return { text, actual: result.actual };
  throw invalid(text, result);
}

interface Problem {
  /** The field, or the whole text; undefined for a text too long to be looked at. */
  readonly where?: string;
  readonly problem: string;
}

type Read = { readonly actual: string } | Problem;

function invalid(value: string, { where, problem }: Problem): AppError {
  const detail = where === undefined ? problem : `Unable to parse cron expression "${where}": ${problem}`;
  return new AppError('schedule.invalid', `Unable to parse cron expression "${value}" (${detail}). ${example}`, {
    fields: { field: 'schedule', rule: 'cron', value, detail, problem },
  });
}

function readMacro(text: string, seed: string): Read {
  const actual = spreadMacro(text, seed);
  if (actual !== undefined) return { actual };
  const problem = `Invalid at-macro '${text}', supported macros are: ${[...macros.keys()].join(', ')}`;
  return { where: text, problem };
}

/**
 * The five fields that a macro stands for, always the same for a seed.
 * @returns undefined for what is no macro
 * @example spreadMacro('@daily', 'some-tool some-job') -> '56 6 * * *'
 */
export function spreadMacro(text: string, seed: string): string | undefined {
  const drawn = macros.get(text);
  if (!drawn) return undefined;
  const draw = createDraw(seed);
  return fields.map(({ min, max }, place) => (drawn[place] ? draw(min, max) : '*')).join(' ');
}

function readFields(text: string): Read {
  const given = text
    .toLowerCase()
    .split(' ')
    .filter((part) => part !== '');
  if (given.length !== fields.length) {
    return { where: text, problem: `Expected to find 5 space-separated values, found ${given.length}` };
  }
  for (const [place, field] of fields.entries()) {
    const where = given[place] as string;
    const problem = where
      .split(',')
      .map((item) => problemOf(item, field))
      .find((found) => found !== undefined);
    if (problem !== undefined) return { where, problem };
  }
  const [weekday = '*'] = given.slice(-1);
  return { actual: [...given.slice(0, -1), weekday.split(',').map(sundayAsZero).join(',')].join(' ') };
}

function sundayAsZero(item: string): string {
  return item.replace(/^7(?=$|\/)/, '0');
}

/** One part of a list; undefined when nothing is wrong with it. */
function problemOf(item: string, field: Field): string | undefined {
  const slash = item.indexOf('/');
  const value = slash < 0 ? item : item.slice(0, slash);
  const step = slash < 0 ? undefined : item.slice(slash + 1);
  return (
    (step === undefined ? undefined : problemOfStep(step, value, field)) ??
    problemOfValue(value, step !== undefined, field)
  );
}

function problemOfStep(step: string, value: string, { min, max }: Field): string | undefined {
  const number = wholeNumber(step);
  if (number === undefined) return `Unable to parse '${step}' (from '${value}') as an integer`;
  return number < Math.max(1, min) || number > max ? `Invalid step value in '${value}'` : undefined;
}

function problemOfValue(value: string, hasStep: boolean, field: Field): string | undefined {
  if (value === '*') return undefined;
  const dash = value.indexOf('-');
  if (dash >= 0)
    return hasStep
      ? 'Step syntax is not supported with ranges'
      : problemOfRange(value.slice(0, dash), value.slice(dash + 1), field);
  const number = field.names.get(value) ?? wholeNumber(value);
  if (number === undefined) return `Unable to parse '${value}' as an integer`;
  return number < field.min || number > field.max
    ? `Invalid value '${value}', expected ${field.min}-${field.max}`
    : undefined;
}

function problemOfRange(startText: string, endText: string, { min, max }: Field): string | undefined {
  const [start, end] = [wholeNumber(startText), wholeNumber(endText)];
  if (start === undefined) return `Unable to parse '${startText}' as an integer`;
  if (end === undefined) return `Unable to parse '${endText}' as an integer`;
  if (start > end) return `End value ${end} must be smaller than start value ${start}`;
  if (start < min) return `Start value ${start} must be at least ${min}`;
  return end > max ? `End value ${end} must be at most ${max}` : undefined;
}

/** ASCII digits only: what other languages take for a number (`1_0`, `+5`, digits of other scripts) Kubernetes refuses. */
function wholeNumber(text: string): number | undefined {
  return /^-?[0-9]+$/.test(text) ? Number(text) : undefined;
}

/**
 * What a user may want to know of a schedule that is accepted as it is.
 * @returns a sentence, or undefined when there is nothing to say
 */
export function scheduleWarning({ text, actual }: Schedule): string | undefined {
  const day = Number(actual.split(' ')[2]);
  if (isImpossible(actual))
    return `The schedule "${actual}" names a date that does not exist, so the job will never run.`;
  if (text !== '@monthly' || !(day > 28)) return undefined;
  return `@monthly became day ${day} for this job, so shorter months are left out. Example of a schedule without gaps: "${actual.replace(` ${day} `, ' 28 ')}".`;
}

/**
 * @param actual five fields, or whatever an object of another hand holds
 * @param timeZone IANA name
 * @returns at most `count` times in ms since the epoch, each after `afterMs`; none where the text cannot be understood or never fires
 */
export function nextFirings(actual: string, afterMs: number, count: number, timeZone = 'UTC'): number[] {
  const cron = readCron(actual, timeZone);
  return cron?.nextRuns(count, new Date(afterMs)).map((date) => date.getTime()) ?? [];
}

/**
 * The same into the past.
 * @returns at most `count` times, each before `beforeMs`, oldest first
 */
export function lastFirings(actual: string, beforeMs: number, count: number, timeZone = 'UTC'): number[] {
  const cron = readCron(actual, timeZone);
  const past = cron?.previousRuns(count, new Date(beforeMs)).map((date) => date.getTime()) ?? [];
  return past.sort((one, other) => one - other);
}

/** Undefined for what cannot be understood or never fires. */
function readCron(actual: string, timeZone: string): Cron | undefined {
  if (isImpossible(actual)) return undefined;
  try {
    return new Cron(withStepsAsRanges(actual), { timezone: timeZone, mode: '5-part' });
  } catch {
    return undefined;
  }
}

/** croner takes `5-59/10`, not `5/10`; both mean the same. */
function withStepsAsRanges(actual: string): string {
  const given = actual.split(' ');
  return given
    .map((text, place) =>
      text
        .split(',')
        .map((item) => stepAsRange(item, fields[place]))
        .join(','),
    )
    .join(' ');
}

function stepAsRange(item: string, field: Field | undefined): string {
  const [, value = '', step] = /^([0-9a-z]+)\/([0-9]+)$/.exec(item) ?? [];
  const start = field?.names.get(value) ?? wholeNumber(value);
  return field && start !== undefined ? `${start}-${field.max}/${step}` : item;
}

const longestMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** No named month has a named day, as in `0 0 31 2 *`: a search for it would take croner 10 ms at every list. */
function isImpossible(actual: string): boolean {
  const [, , day = '*', month = '*', weekday] = actual.split(' ');
  if (weekday !== '*') return false;
  const earliest = Math.min(...valuesOf(day, 1, 31));
  return earliest > Math.max(...valuesOf(month, 1, 12).map((each) => longestMonth[each - 1] ?? 31));
}

/** Everything for what is no number: other hands may write names of months, or `?` for any day. */
function valuesOf(text: string, min: number, max: number): number[] {
  const all = Array.from({ length: max - min + 1 }, (_, index) => min + index);
  return text.split(',').flatMap((item) => {
    const [, start, end, step] = /^(\d+)(?:-(\d+))?(?:\/(\d+))?$/.exec(item) ?? [];
    if (start === undefined) return all;
    const last = Number(end ?? (step === undefined ? start : max));
    return all.filter(
      (value) => value >= Number(start) && value <= last && (value - Number(start)) % Number(step ?? 1) === 0,
    );
  });
}
