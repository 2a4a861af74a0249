import { describe, expect, it } from 'vitest';
import { numberOf, readArguments, suggestion } from '../../../bin/admin/tool-arguments.ts';

const specs = [
  { name: 'days', value: true },
  { name: 'output', short: 'o', value: true },
  { name: 'yes', value: false },
];

describe('the words of a command line', () => {
  it('keep values as they were typed', () => {
    const args = readArguments(['tool', 'add', 'x', '--days', '0x10', '--output=1e3', '--yes'], specs);
    expect(args.words).toEqual(['tool', 'add', 'x']);
    expect(Object.fromEntries(args.values)).toEqual({ days: '0x10', output: '1e3' });
    expect([...args.switches]).toEqual(['yes']);
  });

  it('take a value that looks like an option, and short names', () => {
    expect(readArguments(['-o', '-1'], specs).values.get('output')).toBe('-1');
    expect(readArguments(['-o=a=b'], specs).values.get('output')).toBe('a=b');
  });

  it.each(['0', '4', '1e0', '0x1', '-1', '1.5', ' 1'])('hold no number from 1 to 3 in %j', (text) => {
    expect(() => numberOf(readArguments([`--days=${text}`], specs), 'days', 1, 3)).toThrow(
      '--days must be a whole number from 1 to 3.',
    );
  });

  it.each([
    [['--dys', '1'], "There is no option '--dys'. Did you mean '--days'?"],
    [['--days'], '--days needs a value.'],
    [['--days='], '--days needs a value.'],
    [['--days', '1', '--days', '2'], '--days is given twice.'],
    [['--yes=1'], '--yes takes no value.'],
  ])('are refused: %j', (words, message) => {
    expect(() => readArguments(words, specs)).toThrow(message);
  });

  it('hold numbers within bounds, or none', () => {
    expect(numberOf(readArguments(['--days', '3'], specs), 'days', 1, 3)).toBe(3);
    expect(numberOf(readArguments([], specs), 'days', 1, 3)).toBeUndefined();
  });

  it('are compared with what is known, and nothing far is suggested', () => {
    expect(suggestion('lst', ['list', 'show'])).toBe(" Did you mean 'list'?");
    expect(suggestion('unrelated', ['list', 'show'])).toBe('');
  });
});
