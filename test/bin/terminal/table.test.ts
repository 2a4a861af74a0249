import { describe, expect, it } from 'vitest';
import { columnsOf, gridTable, prettyTable, wrap } from '../../../bin/terminal/table.ts';

describe('a pretty table', () => {
  it('is the one that people know', () => {
    const rows = [
      ['test-job', 'normal', 'Running for 3s'],
      ['a', 'schedule: */5 * * * *', 'Waiting for scheduled time'],
    ];
    expect(`\n${prettyTable(['Job name:', 'Job type:', 'Status:'], rows)}\n`).toBe(`
+-----------+-----------------------+----------------------------+
| Job name: |       Job type:       |          Status:           |
+-----------+-----------------------+----------------------------+
| test-job  |        normal         |       Running for 3s       |
|     a     | schedule: */5 * * * * | Waiting for scheduled time |
+-----------+-----------------------+----------------------------+
`);
  });

  it('keeps one line for each job, whatever a cell holds', () => {
    expect(prettyTable(['Command:'], [['a\nb\rc']]).split('\n')).toHaveLength(5);
  });

  it('takes numbers for the text they are, and strips blanks around a cell', () => {
    expect(`\n${prettyTable(['n', 'name'], [['1.50', ' x ']])}\n`).toBe(`
+------+------+
|  n   | name |
+------+------+
| 1.50 |  x   |
+------+------+
`);
  });

  it('counts wide characters and marks as a terminal shows them', () => {
    expect(
      `\n${prettyTable(
        ['name', 'b'],
        [
          ['日本語', 'e\u0301'],
          ['x', '🚀'],
        ],
      )}\n`,
    ).toBe(`
+--------+----+
|  name  | b  |
+--------+----+
| 日本語 | e\u0301  |
|   x    | 🚀 |
+--------+----+
`);
    expect(columnsOf('🇫🇷')).toBe(2);
    expect(columnsOf('한국')).toBe(4);
  });

  it('has only its head where there is no row', () => {
    expect(prettyTable(['a'], [])).toBe('+---+\n| a |\n+---+');
  });
});

describe('a grid table', () => {
  it('has a rule between rows, and cells of several lines', () => {
    expect(
      `\n${gridTable([
        ['Job name:', 'x'],
        ['Hints:', 'one\nlonger two\n'],
        ['Replicas:', ''],
      ])}\n`,
    ).toBe(`
+-----------+------------+
| Job name: | x          |
+-----------+------------+
| Hints:    | one        |
|           | longer two |
+-----------+------------+
| Replicas: |            |
+-----------+------------+
`);
  });

  it('replaces tabs by the blanks they stand for', () => {
    expect(gridTable([['a', 'b\tc']])).toContain('| b       c |');
  });
});

describe('wrapped text', () => {
  it('breaks between words at the last column that fits', () => {
    expect(wrap('one two  three\nfour', 7)).toBe('one two\nthree\nfour');
    expect(wrap('one two three', 13)).toBe('one two three');
    expect(wrap('', 70)).toBe('');
  });

  it('breaks words that fit on no line', () => {
    expect(wrap('a 1234567890 b', 4)).toBe('a\n1234\n5678\n90 b');
  });
});
