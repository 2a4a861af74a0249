/**
 * Cron text to the five fields that run, and these to firing times. What is accepted is what earlier services accepted, less what
 * Kubernetes would refuse, and `~` for a number that is chosen (crontab(5) of OpenBSD). When they fire is firing-times.ts.
 */
import { AppError } from '../errors.ts';
import { firingAfter, firingsBefore, type Pattern } from './firing-times.ts';
import { createDraw } from './spread.ts';
import { isTimeZone } from './time-zone.ts';

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
  /** Those that only other hands write. */
  readonly otherNames?: ReadonlyMap<string, number>;
  /** The last value that comes each time, where that is not `max`. */
  readonly common?: number;
}

const noNames: ReadonlyMap<string, number> = new Map();
const dayNames = new Map(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'].map((name, day) => [name, day] as const));
const monthNames = new Map(
  ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'].map(
    (name, at) => [name, at + 1] as const,
  ),
);

/** Minute, hour, day of the month, month, day of the week. */
const fields: readonly Field[] = [
  { min: 0, max: 59, names: noNames },
  { min: 0, max: 23, names: noNames },
  { min: 1, max: 31, names: noNames, common: 28 },
  { min: 1, max: 12, names: noNames, otherNames: monthNames },
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
/** Of what other hands write; in what we write a `~` has become two digits at most. */
const maxReadLength = 2 * maxTextLength;
const example = 'Example: "0 7 * * *" (every day at 07:00 UTC).';

/**
 * Weekday 7 is Sunday to people but unknown to Kubernetes, so it becomes 0 in `actual`. A macro's times depend on the seed alone.
 * @throws AppError `schedule.invalid` naming the field and the rule, with one example
 * @example parseSchedule('@daily', { tool: 'some-tool', job: 'some-job' }) -> { text: '@daily', actual: '56 6 * * *' }
 */
export function parseSchedule(text: string, seed: { readonly tool: string; readonly job: string }): Schedule {
  if (text.length > maxTextLength)
    throw invalid(`${text.slice(0, 40)}…`, { problem: `It is longer than ${maxTextLength} characters` });
  const drawSeed = `${seed.tool} ${seed.job}`;
  const result = text.startsWith('@') ? readMacro(text, drawSeed) : readFields(text, drawSeed);
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

/** Whether the service chose when it fires: then the same text keeps the times it was once given. */
export function isChosen(text: string): boolean {
  return text.startsWith('@') || text.includes('~');
}

function readFields(typed: string, seed: string): Read {
  const given = typed
    .toLowerCase()
    .split(' ')
    .filter((part) => part !== '');
  if (given.length !== fields.length) {
    return { where: typed, problem: `Expected to find 5 space-separated values, found ${given.length}` };
  }
  const draw = typed.includes('~') ? createDraw(seed) : undefined;
  for (const [place, field] of fields.entries()) {
    const where = given[place] as string;
    const problem = where
      .split(',')
      .map((item) => problemOf(item, field))
      .find((found) => found !== undefined);
    if (problem !== undefined) return { where, problem };
  }
  const actual = fields.map((field, place) =>
    (given[place] as string)
      .split(',')
      .map((item) => (place === 4 ? sundayAsZero(item) : item))
      .map((item) => (draw ? chosen(item, field, draw) : item))
      .join(','),
  );
  return { actual: actual.join(' ') };
}

/** @example chosen('10~20', minutes, draw) -> '17', chosen('~/15', minutes, draw) -> '4/15' */
function chosen(item: string, { min, max, common = max }: Field, draw: Draw): string {
  const [, low, high, step] = /^(\d*)~(\d*)(?:\/(\d+))?$/.exec(item) ?? [];
  if (low === undefined) return item;
  const first = low === '' ? min : Number(low);
  const usualLast = step === undefined ? Math.max(first, common) : Math.min(max, first + Number(step) - 1);
  const value = draw(first, high ? Number(high) : usualLast);
  return step === undefined ? String(value) : `${value}/${step}`;
}

type Draw = ReturnType<typeof createDraw>;

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
  const [, low, high] = /^(.*?)~(.*)$/.exec(value) ?? [];
  if (low !== undefined) return problemOfRange(low || String(field.min), high || String(field.max), field);
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
  if (!readPattern(actual))
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
  const pattern = readPattern(actual);
  if (!pattern || !isTimeZone(timeZone)) return [];
  const firings: number[] = [];
  for (let at: number | undefined = afterMs; firings.length < count; ) {
    at = firingAfter(pattern, at, timeZone);
    if (at === undefined) break;
    firings.push(at);
  }
  return firings;
}

/**
 * The same into the past.
 * @returns at most `count` times, each before `beforeMs`, oldest first
 */
export function lastFirings(actual: string, beforeMs: number, count: number, timeZone = 'UTC'): number[] {
  const pattern = readPattern(actual);
  return pattern && isTimeZone(timeZone) ? firingsBefore(pattern, beforeMs, count, timeZone) : [];
}

/** Whether it fires in all minutes of an hour, but not in all hours. */
export function isEachMinute(actual: string): boolean {
  const pattern = readPattern(actual);
  return (
    pattern?.minutes.size === 60 &&
    actual
      .split(' ')
      .slice(1)
      .some((field) => field !== '*')
  );
}

/** Whether days of the month and days of the week each count for themselves. */
export function namesBothDays(actual: string): boolean {
  return readPattern(actual)?.needsBothDays === false;
}

/** What other hands write for five fields, as Kubernetes reads it. */
const descriptors: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);

/** Everything that Kubernetes takes and that does not depend on when it began; undefined for the rest, and for what never fires. */
function readPattern(actual: string): Pattern | undefined {
  if (actual.length > maxReadLength) return undefined;
  const texts = (descriptors.get(actual) ?? actual.toLowerCase()).split(/\s+/).filter((text) => text !== '');
  const sets = texts.map((text, place) => valuesOf(text, fields[place]));
  const [minutes, hours, days, months, weekdays] = sets;
  if (!minutes || !hours || !days || !months || !weekdays || sets.length !== fields.length) return undefined;
  const pattern = {
    minutes,
    hours,
    days,
    months,
    weekdays,
    needsBothDays: hasStar(texts[2] ?? '') || hasStar(texts[4] ?? ''),
  };
  return isImpossible(pattern) ? undefined : pattern;
}

/** The controller asks for both days where either field says "any", alone or in a list; for every other one it does not. */
function hasStar(text: string): boolean {
  return text.split(',').some((item) => /^[*?](?:-[^/]*)?(?:\/0*1)?$/.test(item));
}

/** Undefined where Kubernetes would refuse the field. */
function valuesOf(text: string, field: Field | undefined): Set<number> | undefined {
  const ranges = text.split(',').flatMap((item) => (item === '' ? [] : [rangeOf(item, field)]));
  if (ranges.includes(undefined)) return undefined;
  return new Set(ranges.flatMap((range) => range ?? []));
}

/** @example rangeOf('5-10/2', minutes) -> [5, 7, 9] */
function rangeOf(item: string, field: Field | undefined): number[] | undefined {
  const [, start = '', end, step = '1'] = /^([^-/]+)(?:-([^-/]+))?(?:\/(\d+))?$/.exec(item) ?? [];
  if (!field) return undefined;
  const isAny = start === '*' || start === '?';
  const first = isAny ? field.min : numberOf(start, field);
  const isOpen = isAny || (end === undefined && item.includes('/'));
  const last = isOpen ? field.max : end === undefined ? first : numberOf(end, field);
  const width = Number(step);
  if (first === undefined || last === undefined || first > last || first < field.min || last > field.max || width < 1)
    return undefined;
  return Array.from({ length: Math.floor((last - first) / width) + 1 }, (_, index) => first + index * width);
}

function numberOf(text: string, field: Field): number | undefined {
  return field.names.get(text) ?? field.otherNames?.get(text) ?? wholeNumber(text);
}

const longestMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** No named month has a named day, as in `0 0 31 2 *`; nobody has to look through five years for that. */
function isImpossible({ days, months, weekdays, needsBothDays }: Pattern): boolean {
  if (!needsBothDays && weekdays.size > 0) return false;
  const longest = Math.max(...[...months].map((month) => longestMonth[month - 1] ?? 0));
  return Math.min(...days) > longest;
}
