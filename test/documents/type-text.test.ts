import { describe, expect, it } from 'vitest';
import { fieldsOf, typeText } from './type-text.ts';

describe('a schema in the words of TypeScript', () => {
  it.each([
    [{ type: 'string' }, 'string'],
    [{ type: 'integer', minimum: 0 }, 'number'],
    [{ type: ['string', 'null'] }, 'string | null'],
    [{ type: 'string', enum: ['all', "it's"] }, "'all' | 'it\\'s'"],
    [{ type: 'boolean', const: true }, 'true'],
    [{ $ref: '#/components/schemas/Job' }, 'Job'],
    [{ type: 'array', items: { $ref: '#/components/schemas/Job' } }, 'readonly Job[]'],
    [{ type: 'array', items: { type: ['string', 'null'] } }, 'readonly (string | null)[]'],
    [{ anyOf: [{ type: 'integer' }, { type: 'number' }, { type: 'null' }] }, 'number | null'],
    [{ type: 'object', additionalProperties: { type: 'number' } }, 'Readonly<Record<string, number>>'],
    [{ type: 'object', properties: {} }, 'Readonly<Record<string, never>>'],
    [
      { type: 'object', properties: { a: { type: 'string' }, b: { type: 'null' } }, required: ['a'] },
      '{ readonly a: string; readonly b?: null }',
    ],
  ])('%j is %s', (schema, text) => {
    expect(typeText(schema)).toBe(text);
  });

  it('has its fields one by one', () => {
    const schema = { type: 'object', properties: { a: { type: 'string', description: 'Of it.' } }, required: ['a'] };
    expect(fieldsOf(schema)).toEqual([{ name: 'a', type: 'string', isRequired: true, description: 'Of it.' }]);
  });

  it('is none for what our shapes do not hold', () => {
    expect(() => typeText({ not: {} })).toThrow('no words');
    expect(() => typeText({ type: 'file' })).toThrow('no words');
  });
});
