/** What comes of one row: it agrees, it differs by a rule and is exactly what the rule says, or it fails. */
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../../src/errors.ts';

export type Verdict =
  | { readonly is: 'passed' }
  | { readonly is: 'differs'; readonly keys: readonly string[] }
  | { readonly is: 'failed'; readonly why: string };

export const passed: Verdict = { is: 'passed' };

/** @param keys of the rules that made `wanted` another thing than the row's */
export function compare(got: unknown, wanted: unknown, keys: readonly string[] = []): Verdict {
  const found = firstDifference(got, wanted);
  if (found) {
    const at = found.path === '' ? '' : `at ${found.path}\n      `;
    return { is: 'failed', why: `${at}got    ${textOf(found.got)}\n      wanted ${textOf(found.wanted)}` };
  }
  return keys.length > 0 ? { is: 'differs', keys } : passed;
}

interface Found {
  readonly path: string;
  readonly got: unknown;
  readonly wanted: unknown;
}

/** The innermost place where two values part, since whole objects are too long to be read. */
function firstDifference(got: unknown, wanted: unknown, path = ''): Found | undefined {
  if (isDeepStrictEqual(got, wanted)) return undefined;
  if (!isContainer(got) || !isContainer(wanted) || Array.isArray(got) !== Array.isArray(wanted))
    return { path, got, wanted };
  for (const key of new Set([...Object.keys(wanted), ...Object.keys(got)])) {
    const inner = firstDifference(got[key], wanted[key], `${path}/${key}`);
    if (inner) return inner;
  }
  return { path, got, wanted };
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function textOf(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}

/** What was made, or the refusal; whatever else is thrown goes on. */
export function attempt<T>(make: () => T): T | AppError {
  try {
    return make();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

/** Nulls say nothing: the API server drops them. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutNulls(inner)]));
}
