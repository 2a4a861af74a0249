/**
 * A job that is several Kubernetes objects, its parts: one for each combination of its matrix, times one for each of its schedules that no
 * single cron expression says. The same definition has the same parts wherever it is read, in whatever order it names values and schedules,
 * and a part keeps its name while others come and go. Pure.
 */
import { createHash } from 'node:crypto';
import type { JobDefinition, Variable } from '../domain.ts';
import { asExpressions } from './schedules.ts';

export interface Part {
  /** Of its object. A job without parts has one, of its own name. */
  readonly name: string;
  /** As typed, or several that are typed as one. */
  readonly schedule: string | undefined;
  /** What the matrix gives it. */
  readonly variables: readonly Variable[];
}

export const maxParts = 50;
/** Leaves room for what tells the parts apart. */
export const maxGroupNameLength = 40;
/** As of every job (definition-rules.ts). */
const maxNameLength = 52;

type Divided = Pick<JobDefinition, 'name' | 'schedules' | 'matrix'>;

export function partsOf({ name, schedules, matrix }: Divided): readonly Part[] {
  const expressions = schedules ? asExpressions(schedules.map(({ text }) => text)) : [undefined];
  const combinations = combinationsOf(matrix ?? {});
  if (matrix === undefined && expressions.length === 1) return [{ name, schedule: expressions[0], variables: [] }];
  return combinations.flatMap((variables) =>
    expressions.map((schedule) => {
      const words = variables.map(({ value }) => wordOf(value));
      if (schedule !== undefined && expressions.length > 1) words.push(wordOfSchedule(schedule));
      return { name: nameOf(name, words), schedule, variables };
    }),
  );
}

export function hasPart(definition: Divided, name: string): boolean {
  return partsOf(definition).some((part) => part.name === name);
}

/** How many parts there would be, without making them: a matrix may ask for more than memory holds. */
export function countParts({ schedules, matrix }: Pick<Divided, 'schedules' | 'matrix'>): number {
  const expressions = schedules ? asExpressions(schedules.map(({ text }) => text)).length : 1;
  return Object.values(matrix ?? {}).reduce((count, values) => count * values.length, expressions);
}

/** Variables stand in the order of their names, values as they are listed. */
function combinationsOf(matrix: NonNullable<JobDefinition['matrix']>): Variable[][] {
  let combinations: Variable[][] = [[]];
  for (const [name, values] of Object.entries(matrix).sort(([one], [other]) => (one < other ? -1 : 1))) {
    combinations = combinations.flatMap((begun) => values.map((value) => [...begun, { name, value }]));
  }
  return combinations;
}

/** What a value is called in a name: itself where it can be. @example wordOf('frwiki') -> 'frwiki', wordOf('Foo') -> 'foo-1cbec7' */
function wordOf(value: string): string {
  const slug = slugOf(value);
  return slug === value && slug !== '' ? value : joined([slug, digest(value)]);
}

/** @example wordOfSchedule('5 4 * * *') -> '0405', wordOfSchedule('@daily') -> 'daily' */
function wordOfSchedule(text: string): string {
  const [, minute, hour] = /^ *(\d{1,2}) +(\d{1,2})(?: +\*){3} *$/.exec(text) ?? [];
  if (minute !== undefined && hour !== undefined) return hour.padStart(2, '0') + minute.padStart(2, '0');
  return text.startsWith('@') ? wordOf(text.slice(1)) : joined([slugOf(text), digest(text)]);
}

function nameOf(name: string, words: readonly string[]): string {
  const whole = joined([name, ...words]);
  if (whole.length <= maxNameLength) return whole;
  const mark = digest(JSON.stringify(words));
  const room = maxNameLength - mark.length - 1;
  return joined([whole.slice(0, room).replace(/[-.]+$/, ''), mark]);
}

function slugOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

function joined(words: readonly string[]): string {
  return words.filter((word) => word !== '').join('-');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 6);
}
