import { describe, expect, it } from 'vitest';
import { AppError, type ErrorCode, errorTable, exhaustive, toAppError } from '../src/errors.ts';

describe('an error', () => {
  it('keeps what it was made with', () => {
    const cause = new Error('socket');
    const details = { cause, fields: { name: 'x' }, problems: ['p'], retryAfterSeconds: 2 };
    expect(new AppError('job.not_found', 'words', details)).toMatchObject({
      name: 'AppError',
      code: 'job.not_found',
      message: 'words',
      ...details,
    });
    expect('cause' in new AppError('internal', 'words')).toBe(false);
  });

  it('is a defect of ours when nobody knows it, and keeps it for the log only', () => {
    const known = new AppError('job.not_found', 'words');
    expect(toAppError(known)).toBe(known);
    for (const thrown of [new TypeError('secret detail'), 'secret detail', undefined, null]) {
      const error = toAppError(thrown);
      expect([error.code, error.message.includes('secret')]).toEqual(['internal', false]);
    }
    expect(toAppError(new TypeError('x')).cause).toBeInstanceOf(TypeError);
  });

  it('closes a switch', () => {
    expect(() => exhaustive('other' as never)).toThrow('"other"');
  });
});

describe('the table', () => {
  it.each(Object.keys(errorTable) as ErrorCode[])('has one meaning for %s', (code) => {
    const { http, exit, retry, hint } = errorTable[code];
    expect(hint).toMatch(/^[A-Z].*\.$/);
    if (http === 0) return;
    // The commands end with 2 where the caller did nothing wrong: their own share of requests apart, that is 5xx.
    expect(http).toBeGreaterThanOrEqual(400);
    expect(exit).toBe(http >= 500 || code === 'caller.too_many' ? 2 : 1);
    if (http < 500 && code !== 'caller.too_many') expect(retry).toBe('no');
  });
});
