import { describe, expect, it } from 'vitest';
import { outcomeWords } from '../../../bin/terminal/run-words.ts';

describe('how a run ended', () => {
  it.each([
    [{ outcome: 'succeeded', reason: null }, 'succeeded'],
    [{ outcome: 'succeeded', reason: null, after_failures: 1 }, 'succeeded, after a failure'],
    [{ outcome: 'failed', reason: 'out_of_memory', in_a_row: 1 }, 'failed: out of memory'],
    [{ outcome: 'failed', reason: 'exit_code', in_a_row: 3 }, 'failed: exit code (3 in a row)'],
    [{ outcome: 'skipped', reason: 'quota', in_a_row: 2 }, 'skipped: quota (2 in a row)'],
    [
      { outcome: 'failed', reason: 'exit_code', message: 'your program ended with code 3' },
      'failed: your program ended with code 3',
    ],
    [
      { outcome: 'skipped', message: 'skipped: the job is suspended', in_a_row: 2 },
      'skipped: the job is suspended (2 in a row)',
    ],
  ])('is said of %j as: %s', (run, words) => {
    expect(outcomeWords(run)).toBe(words);
  });
});
