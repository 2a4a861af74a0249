import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { toRequestError } from '../../../src/server/door/framework-errors.ts';

const framework = (code: string, statusCode: number) =>
  Object.assign(new Error('text with /the/url'), { code, statusCode });
const issue = (instancePath: string, keyword: string, params: object, message = '') => ({
  instancePath,
  keyword,
  params,
  message,
});

describe('what the framework throws', () => {
  it('becomes the error of the house that fits', () => {
    const codes = [
      framework('FST_ERR_CTP_BODY_TOO_LARGE', 413),
      framework('FST_ERR_CTP_INVALID_MEDIA_TYPE', 415),
      framework('FST_ERR_BAD_URL', 400),
      framework('FST_ERR_CTP_INVALID_CONTENT_LENGTH', 400),
      framework('ECONNRESET', 400),
      framework('FST_ERR_FAILED_ERROR_SERIALIZATION', 500),
      framework('EACCES', 403),
      new Error('defect'),
      'text',
      undefined,
    ].map((thrown) => toRequestError(thrown).code);
    expect(codes).toEqual([
      'request.too_large',
      'request.media_type',
      'request.invalid',
      'request.invalid',
      'request.invalid',
      'internal',
      'internal',
      'internal',
      'internal',
      'internal',
    ]);
  });

  it('passes errors of the house through', () => {
    const error = new AppError('job.not_found', 'gone');
    expect(toRequestError(error)).toBe(error);
  });

  it('never shows its own words', () => {
    expect(toRequestError(framework('FST_ERR_BAD_URL', 400)).message).not.toContain('/the/url');
  });

  it('names at most ten fields, each cut to a readable length', () => {
    const validation = [
      issue('/', 'unrecognized_keys', { keys: Array.from({ length: 50 }, (_, at) => `${'k'.repeat(100)}${at}`) }),
    ];
    const { problems, fields } = toRequestError({ validation });
    expect([problems?.length, fields]).toEqual([10, undefined]);
    expect(problems?.every((problem) => problem.length < 130)).toBe(true);
    const first = toRequestError({ validation: [issue('/schedule/text', 'invalid_value', { values: ['a', 'b'] })] });
    expect([first.message, first.fields]).toEqual([
      "'schedule.text' must be one of a, b",
      { field: 'schedule.text', rule: 'invalid_value' },
    ]);
  });
});
