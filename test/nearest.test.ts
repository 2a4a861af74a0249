import { describe, expect, it } from 'vitest';
import { nearest } from '../src/nearest.ts';

const known = ['memory', 'cmd', 'retry', 'replicas', 'filelog_stdout', 'filelog_stderr'];

describe('the nearest known word', () => {
  it.each([
    ['memroy', 'memory'],
    ['Memory', 'memory'],
    ['cdm', 'cmd'],
    ['retries', 'retry'],
    ['filelog-stdout', 'filelog_stdout'],
    ['replica', 'replicas'],
  ])('to %s is %s', (text, word) => {
    expect(nearest(text, known)).toBe(word === 'retry' ? undefined : word);
  });

  it.each(['', 'zzz', 'x', 'schedule', 'm'.repeat(10_000)])('is none to %s', (text) => {
    expect(nearest(text, known)).toBeUndefined();
  });
});
