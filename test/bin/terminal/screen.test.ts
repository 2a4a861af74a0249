import { describe, expect, it } from 'vitest';
import { cut } from '../../../bin/terminal/screen.ts';
import { columnsOf } from '../../../bin/terminal/table.ts';

describe('a line that is cut', () => {
  it.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 4, 'abc…'],
    ['日本語', 5, '日本…'],
    ['a\x1b[2Jb', 4, 'a\\x…'],
    ['x', 0, ''],
  ])('%j in %i columns is %j', (text, columns, expected) => {
    expect(cut(text, columns)).toBe(expected);
    expect(columnsOf(cut(text, columns))).toBeLessThanOrEqual(columns);
  });
});
