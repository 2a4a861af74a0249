/** Tests that a page names: `[file](../test/….test.ts): "a title", "another"`. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../support/repository-root.ts';

export interface NamedTests {
  readonly file: string;
  readonly titles: readonly string[];
}

export function readPage(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8');
}

export function namedTests(cell: string): readonly NamedTests[] {
  return [...cell.matchAll(/\[[\w-]+\]\(\.\.\/(test\/[\w./-]+\.test\.ts)\): ((?:"[^"]+"(?:, )?)+)/g)].map(
    ([, file = '', titles = '']) => ({ file, titles: [...titles.matchAll(/"([^"]+)"/g)].map(([, one = '']) => one) }),
  );
}

/** Titles that are not in their file. */
export function missingTests(named: readonly NamedTests[]): readonly string[] {
  return named.flatMap(({ file, titles }) => {
    const text = existsSync(join(repositoryRoot, file)) ? readPage(file) : '';
    return titles.filter((title) => !text.includes(title));
  });
}
