import { describe, expect, it } from 'vitest';
import { jobTypes, Tool, typeOfKind } from '../src/domain.ts';
import { AppError } from '../src/errors.ts';

describe('a tool', () => {
  it.each(['a', '0', 'some-tool', 'a--b', 'a'.repeat(53)])('may be called %s', (name) => {
    const tool = Tool.of(name);
    expect([tool.name, tool.namespace]).toEqual([name, `tool-${name}`]);
  });

  it.each(['', '-a', 'a-', 'A', 'a.b', 'a_b', 'a/b', '..', 'a\n', '\na', 'ä', 'a b', 'a\0', 'a'.repeat(54)])(
    'is never called %j',
    (name) => {
      expect(() => Tool.of(name)).toThrow(AppError);
    },
  );

  it('is nothing that only looks like one', () => {
    const tool = Tool.of('alpha');
    const others = [{ ...tool }, Object.create(Tool.prototype), JSON.parse(JSON.stringify(tool)), 'alpha', null];
    expect([tool, ...others].map(Tool.isTool)).toEqual([true, false, false, false, false, false]);
  });
});

it('every type of job is the type of its kind', () => {
  for (const [type, { kind }] of Object.entries(jobTypes)) expect(typeOfKind[kind]).toBe(type);
});
