/**
 * Several schedules as few cron expressions as say the same: 06:00 and 18:00 are `0 6,18 * * *`. One object runs once at a time, so what is
 * one expression never overlaps with itself. Pure.
 */
import { parseSchedule } from './cron.ts';

const maxTextLength = 256;

/**
 * @param texts as typed, each right by itself
 * @returns in an order of their own, whatever that of `texts`; one that is joined with no other stays as typed
 * @example asExpressions(['0 18 * * *', '0 6 * * *', '@daily']) -> ['0 6,18 * * *', '@daily']
 */
export function asExpressions(texts: readonly string[]): string[] {
  if (texts.length === 1) return [...texts];
  const fixed = texts.filter((text) => !isDrawn(text)).sort(byNormalForm);
  const typed = new Map(fixed.map((text) => [normalForm(text), text]));
  let expressions = fixed.map(normalForm);
  for (let joined = joinOnce(expressions); joined !== undefined; joined = joinOnce(expressions)) expressions = joined;
  return [...expressions.map((text) => typed.get(text) ?? text), ...texts.filter(isDrawn).sort()];
}

/** Five fields, so that the same times are the same text; what cannot be read as such stays as it is. */
export function normalForm(text: string): string {
  if (isDrawn(text)) return text;
  try {
    return parseSchedule(text, { tool: '', job: '' }).actual;
  } catch {
    return text;
  }
}

/** Its times are chosen for each job, so that nothing is known of them here. */
function isDrawn(text: string): boolean {
  return text.startsWith('@') || text.includes('~');
}

function byNormalForm(one: string, other: string): number {
  return normalForm(one) < normalForm(other) ? -1 : 1;
}

/** With the first two that can be joined as one; undefined where there are none. */
function joinOnce(expressions: readonly string[]): string[] | undefined {
  for (const [place, one] of expressions.entries()) {
    for (const other of expressions.slice(place + 1)) {
      const joined = joinOf(one, other);
      if (joined !== undefined) return [...expressions.filter((text) => text !== one && text !== other), joined].sort();
    }
  }
  return undefined;
}

/**
 * Two that differ in one field, and in it by values: `*` in a list of days of the month or week would change how the two of them go
 * together (kubernetes.io, "CronJob", schedule syntax).
 */
function joinOf(one: string, other: string): string | undefined {
  const [ones, others] = [one.split(' '), other.split(' ')];
  const differing = ones.flatMap((field, place) => (field === others[place] ? [] : [place]));
  const [place] = differing;
  if (differing.length !== 1 || place === undefined) return undefined;
  const items = `${ones[place]},${others[place]}`.split(',');
  if (items.some((item) => item.includes('*'))) return undefined;
  const list = [...new Set(items)].sort(byNumber).join(',');
  const joined = ones.with(place, list).join(' ');
  return joined.length > maxTextLength ? undefined : joined;
}

function byNumber(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true });
}
