/** Each claim of docs/security.md names tests that hold it, and they are there. */
import { describe, expect, it } from 'vitest';
import { missingTests, namedTests, readPage } from './named-tests.ts';

const rows = readPage('docs/security.md')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/\| held by \|$/.test(line))
  .map((line) => line.slice(2, -2).split(' | '));

describe('the page about security', () => {
  it.each(rows.map((cells) => [cells[0] ?? '', cells.at(-1) ?? '']))('has a test for: %s', (_claim, cell) => {
    const named = namedTests(cell);
    expect(named.length).toBeGreaterThan(0);
    expect(missingTests(named)).toEqual([]);
  });
});
