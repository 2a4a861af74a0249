import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError, type ErrorCode, errorTable } from '../../../src/errors.ts';
import { fromKubeStatus } from '../../../src/kube.ts';
import { pythonJson, seed, seedInput } from '../../../src/server/dialects/seed.ts';

describe('JSON as the first service wrote it', () => {
  it.each([
    [{ a: 1, b: [true, null, 'x'] }, '{"a": 1, "b": [true, null, "x"]}'],
    [[], '[]'],
    [{}, '{}'],
    [[{}, []], '[{}, []]'],
    ['', '""'],
    [201, '201'],
    ['Küche', '"K\\u00fcche"'],
    ['日本', '"\\u65e5\\u672c"'],
    ['😀', '"\\ud83d\\ude00"'],
    ['\u007f', '"\\u007f"'],
    ['\u0080\u2028\uffff', '"\\u0080\\u2028\\uffff"'],
    ['\ud800', '"\\ud800"'],
    ['\b\t\n\f\r\u0000\u001f', '"\\b\\t\\n\\f\\r\\u0000\\u001f"'],
    ['"\\/<>&~ ', '"\\"\\\\/<>&~ "'],
    [{ 'ü"': { é: '€' } }, '{"\\u00fc\\"": {"\\u00e9": "\\u20ac"}}'],
    [{ a: undefined, b: 2 }, '{"b": 2}'],
    [undefined, 'null'],
    [-1.5, '-1.5'],
  ])('of %j', (value, text) => {
    expect(pythonJson(value)).toBe(`${text}\n`);
  });

  it('is ASCII on one line, and means the same', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }), (value) => {
        const text = pythonJson(value);
        expect(text).toMatch(/^[ -~]*\n$/);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('an error', () => {
  const codes = Object.keys(errorTable) as ErrorCode[];
  const bodyOf = (code: ErrorCode, details = {}) => seed.body(new AppError(code, 'what happened', details));

  it.each(codes)('%s has a status and a body, and says nothing of Kubernetes', (code) => {
    const cause = fromKubeStatus(409, { reason: 'AlreadyExists', message: 'words of the server' });
    const details = [{}, { cause }, { cause: cause.cause }, { cause, problems: ['one', 'two'], fields: { name: 'x' } }];
    for (const one of details) {
      const error = new AppError(code, 'what happened', one);
      const text = pythonJson(seed.body(error));
      expect(text).not.toContain('words of the server');
      expect(code === 'job.not_found' ? text : JSON.parse(text)).toEqual(
        code === 'job.not_found' ? '{}\n' : expect.stringMatching(/./),
      );
      expect(seed.status(error)).toSatisfy((status: number) => status >= 400 && status < 600);
    }
  });

  it('says what these clients look for', () => {
    expect(bodyOf('image.unknown')).toBe('Invalid container type');
    expect(bodyOf('job.conflict')).toBe('HTTP 409: a job with the same name exists already');
    expect(bodyOf('job.conflict', { cause: fromKubeStatus(409, { reason: 'AlreadyExists' }) })).toBe(
      'HTTP 409: an object with the same name exists already',
    );
    for (const code of ['job.invalid', 'schedule.invalid', 'limits.exceeded'] as const) {
      expect(bodyOf(code)).toBe('ERROR: what happened');
      expect(bodyOf(code, { problems: ['one', 'two'] })).toBe('ERROR: one; two');
      expect(bodyOf(code, { problems: [] })).toBe('ERROR: what happened');
    }
    expect(bodyOf('caller.forbidden')).toBe('Exception: what happened');
    expect(bodyOf('quota.exceeded')).toBe('what happened');
  });
});

describe('the arguments of the first clients', () => {
  const base = { filelog: false };

  it.each([
    [{ continuous: 'true' }, { ...base, continuous: true }],
    [{ continuous: 'yes' }, { ...base, continuous: true }],
    [{ continuous: true }, { ...base, continuous: true }],
    [{ continuous: 1 }, { ...base, continuous: true }],
    [{ continuous: 'False' }, base],
    [{ continuous: 'no' }, base],
    [{ continuous: 'OFF' }, base],
    [{ continuous: '0' }, base],
    [{ continuous: 0 }, base],
    [{ continuous: false }, base],
    [{ filelog: 'True' }, { filelog: true }],
    [{ filelog: 1 }, { filelog: true }],
    [{ filelog: 'false' }, base],
    [{ filelog: '' }, base],
    [{ filelog: null }, base],
    [{ retry: '3' }, { ...base, retry: 3 }],
    [{ retry: 3 }, { ...base, retry: 3 }],
    [{ retry: '33' }, { ...base, retry: '33' }],
    [{ retry: 'x' }, { ...base, retry: 'x' }],
    [
      { memory: '', cpu: null, schedule: undefined, name: 'x' },
      { ...base, name: 'x' },
    ],
    [undefined, base],
    [['name'], base],
    ['name', base],
  ])('%j', (body, input) => {
    expect(seedInput(body, {})).toEqual(input);
  });

  it('come in the body and in the query, and the body wins', () => {
    const query = { name: 'query', cmd: 'query', filelog: 'true' };
    expect(seedInput({ name: 'body' }, query)).toEqual({ name: 'body', cmd: 'query', filelog: true });
  });
});
