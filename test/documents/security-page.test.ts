/** Each claim of docs/security.md names tests that hold it, and they are there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../support/repository-root.ts';

const text = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8');
const rows = text('docs/security.md')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/\| held by \|$/.test(line))
  .map((line) => line.slice(2, -2).split(' | '));

/** Of `[identify](../test/….test.ts): "one sentence", "another"; [server](…): …`. */
function testsIn(cell: string): { readonly file: string; readonly sentences: readonly string[] }[] {
  return [...cell.matchAll(/\[[\w-]+\]\(\.\.\/(test\/[\w./-]+\.test\.ts)\): ((?:"[^"]+"(?:, )?)+)/g)].map(
    ([, file = '', sentences = '']) => ({
      file,
      sentences: [...sentences.matchAll(/"([^"]+)"/g)].map(([, one = '']) => one),
    }),
  );
}

describe('the page about security', () => {
  it.each(rows.map((cells) => [cells[0] ?? '', cells.at(-1) ?? '']))('has a test for: %s', (_claim, cell) => {
    const named = testsIn(cell);
    expect(named.length).toBeGreaterThan(0);
    for (const { file, sentences } of named) {
      const found = existsSync(join(repositoryRoot, file)) ? text(file) : '';
      expect(sentences.filter((sentence) => !found.includes(sentence))).toEqual([]);
    }
  });
});
