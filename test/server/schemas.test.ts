import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDefinition } from '../../src/definition/definition.ts';
import type { AppError } from '../../src/errors.ts';
import { newJobSchema, seedRunBody } from '../../src/server/schemas.ts';
import { anyInput } from '../support/definitions.ts';

const least = { name: 'demo', cmd: './run.sh', imagename: 'python3.11' };
const keys = Object.keys(newJobSchema.shape);

function problemsOf(input: Record<string, unknown>): readonly string[] {
  try {
    parseDefinition(input);
    return [];
  } catch (error) {
    return (error as AppError).problems ?? [String(error)];
  }
}

describe('the shape of a new job', () => {
  it('has the keys that a definition has, and no other', () => {
    const unknown = problemsOf({ ...least, ...Object.fromEntries(keys.map((key) => [key, null])), colour: 'blue' });
    expect(unknown.filter((problem) => problem.includes('is not a key'))).toEqual([expect.stringContaining('colour')]);
    expect(newJobSchema.safeParse({ ...least, colour: 'blue' }).success).toBe(false);
  });

  it.each(keys)('takes null for %s exactly where a definition does', (key) => {
    const input = { ...least, [key]: null };
    expect(newJobSchema.safeParse(input).success).toBe(problemsOf(input).length === 0);
  });

  it('takes every definition', () => {
    fc.assert(fc.property(anyInput, (input) => newJobSchema.safeParse(input).success));
  });

  it.each([[], 'text', 5, null])('is not %j', (input) => {
    expect(newJobSchema.safeParse(input).success).toBe(false);
  });
});

describe('the arguments of the first clients', () => {
  it('are texts, numbers, booleans, or nothing at all; what is not known is left out', () => {
    const body = { name: 'demo', continuous: true, retry: 2, memory: null, colour: 'blue' };
    expect(seedRunBody.parse(body)).toEqual({ name: 'demo', continuous: true, retry: 2, memory: null });
    expect([undefined, null].map((one) => seedRunBody.safeParse(one).success)).toEqual([true, true]);
    expect(seedRunBody.safeParse({ name: ['demo'] }).success).toBe(false);
  });
});
