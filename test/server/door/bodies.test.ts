import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { parseFormBody, parseJsonBody, parsePairs } from '../../../src/server/door/bodies.ts';

const json = (text: string) => parseJsonBody(Buffer.from(text));
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const deepObject = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

describe('a JSON body', () => {
  it('may be empty', () => {
    expect(json('')).toBeUndefined();
  });

  it('may nest 32 levels and no more', () => {
    for (const make of [nested, deepObject]) {
      expect(json(make(31))).toBeDefined();
      expect(json(make(32))).toBeDefined();
      expect(() => json(make(33))).toThrow('nests deeper');
      expect(() => json(make(100_000))).toThrow('nests deeper');
    }
    expect(json(`"${'['.repeat(100)}"`)).toBe('['.repeat(100));
    expect(json(`[${'[],'.repeat(100)}[]]`)).toHaveLength(101);
  });

  it('may not carry a key that reaches a prototype, however it is written', () => {
    for (const key of ['"__proto__"', '"\\u005f_proto__"', '"__proto\\u005F\\u005f"']) {
      for (const text of [`{${key}:{"admin":true}}`, `{"a":[{${key} \n:1}]}`])
        expect(() => json(text)).toThrow('__proto__');
    }
    expect(json('["__proto__"]')).toEqual(['__proto__']);
    expect(json('{"constructor":1,"prototype":2}')).toEqual({ constructor: 1, prototype: 2 });
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  });

  it('may not carry a key twice in one object', () => {
    expect(() => json('{"a":1,"b":{"a":1},"\\u0061":2}')).toThrow('twice');
    expect(json('{"a":{"a":{"a":"a"}},"b":[{"a":1},{"a":2}]}')).toBeDefined();
  });

  it('must be JSON in UTF-8', () => {
    for (const text of ['{', '}', '"', '"\\', '{"a":1}x', '{"a\\x":1}', "{'a':1}", 'NaN'])
      expect(() => json(text)).toThrow(AppError);
    expect(() => parseJsonBody(Buffer.from([0x22, 0xff, 0x22]))).toThrow('not UTF-8');
  });

  it('means what JSON.parse says, for every value', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        if (!text.includes('__proto__')) expect(json(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('is answered or refused, whatever its characters', () => {
    const unit = fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', 'a', '1', ' ', '\\u0061', '__proto__');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 20 }), (text) => {
        try {
          json(text);
        } catch (error) {
          expect((error as AppError).code).toBe('request.invalid');
        }
      }),
      { numRuns: 20_000 },
    );
  });
});

describe('a form', () => {
  it('becomes a record without a prototype', () => {
    const record = parseFormBody(Buffer.from('name=a+b&cmd=%C3%A4%26&constructor=1&empty='));
    expect(Object.getPrototypeOf(record)).toBeNull();
    expect({ ...record }).toEqual({ name: 'a b', cmd: 'ä&', constructor: '1', empty: '' });
  });

  it('may not repeat a key or reach a prototype', () => {
    expect(() => parsePairs('a=1&b=2&%61=3')).toThrow('twice');
    expect(() => parsePairs('__proto__=1')).toThrow('__proto__');
    expect(() => parsePairs('%5f_proto__=1')).toThrow('__proto__');
  });
});
