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
  if (!isDeepStrictEqual(got, wanted)) {
    return { is: 'failed', why: `got    ${JSON.stringify(got)}\n      wanted ${JSON.stringify(wanted)}` };
  }
  return keys.length > 0 ? { is: 'differs', keys } : passed;
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
