import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutManagedFields, parseWatchLine } from '../../src/watch/watch-line.ts';

const managedFields = [
  { manager: 'kubectl "edit" \\', fieldsV1: { 'f:metadata': { 'f:labels': { '.': {}, 'f:a]': {} } } } },
  { manager: 'x', list: [[1], { a: [2] }] },
];

const parse = (value: unknown) => parseWatchLine(Buffer.from(JSON.stringify(value)));

describe('managedFields', () => {
  test.each([
    ['first', { managedFields, name: 'a' }],
    ['last', { name: 'a', managedFields }],
    ['in the middle', { name: 'a', managedFields, uid: 'b' }],
    ['alone', { managedFields }],
  ])('%s are cut out, and the rest stays as it is', (_, metadata) => {
    const { managedFields: __, ...rest } = metadata;
    expect(parse({ type: 'ADDED', object: { metadata } })).toEqual({ type: 'ADDED', object: { metadata: rest } });
  });

  test('inside a text are left alone', () => {
    const value = { note: '"managedFields":[1]', other: '{"managedFields":[{"a":"\\""}]}' };
    expect(cutManagedFields(Buffer.from(JSON.stringify(value)))).toBeUndefined();
    expect(parse(value)).toEqual(value);
  });

  test('that never end are not cut', () => {
    expect(cutManagedFields(Buffer.from('{"managedFields":[{"a":"]'))).toBeUndefined();
  });

  test('leave everything around them untouched, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.array(fc.jsonValue()), (before, after, fields) => {
        const rest = { before, after };
        expect(parse({ before, managedFields: fields, after })).toEqual(JSON.parse(JSON.stringify(rest)));
      }),
    );
  });
});

test('a line that is not JSON is a SyntaxError', () => {
  expect(() => parseWatchLine(Buffer.from('{"managedFields":[],'))).toThrow(SyntaxError);
  expect(() => parseWatchLine(Buffer.from('no'))).toThrow(SyntaxError);
});
