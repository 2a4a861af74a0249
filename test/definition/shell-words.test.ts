import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinWords, quotePath, splitWords } from '../../src/definition/shell-words.ts';

describe('words of a shell', () => {
  it.each([
    ['', []],
    ['  ', []],
    ['./x.sh', ['./x.sh']],
    ['  a \t b\n c ', ['a', 'b', 'c']],
    [`./x.sh 'a b' "c"`, ['./x.sh', 'a b', 'c']],
    [`a'b'"c"d`, ['abcd']],
    [`'' ""`, ['', '']],
    [String.raw`a\ b`, ['a b']],
    [String.raw`"a\"b\\c\$d"`, [String.raw`a"b\c\$d`]],
    [String.raw`'a\b'`, [String.raw`a\b`]],
    ['echo $HOME *', ['echo', '$HOME', '*']],
  ])('are split where a shell splits them: %j', (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  it.each([`a 'b`, `a "b`, 'a\\', `"a\\"`])('are refused where a quote is open: %j', (text) => {
    expect(splitWords(text)).toBeUndefined();
  });

  it('come back from the line they are joined to', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (words) => {
        expect(splitWords(joinWords(words))).toEqual(words);
      }),
    );
  });
});

describe('a path in a command', () => {
  it('looks as it always did when it is ordinary', () => {
    expect(quotePath('/data/project/some-tool/logs/a_1.log')).toBe('/data/project/some-tool/logs/a_1.log');
  });

  it('is quoted as a whole otherwise', () => {
    expect(quotePath("/home/a 'b';c")).toBe(`'/home/a '\\''b'\\'';c'`);
  });
});
