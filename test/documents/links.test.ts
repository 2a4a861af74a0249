/** Links between the pages lead to a file that is there, and to a heading that it has. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pages } from '../support/documented-commands.ts';
import { repositoryRoot } from '../support/repository-root.ts';

const text = (page: string) => readFileSync(join(repositoryRoot, page), 'utf8').replace(/^```[\s\S]*?^```$/gm, '');

function linksOf(page: string): string[] {
  return [...text(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^https?:/.test(target));
}

function isThere(page: string, link: string): boolean {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? page : normalize(join(dirname(page), file));
  if (!existsSync(join(repositoryRoot, target))) return false;
  return anchor === undefined || headingsOf(target).includes(anchor);
}

/** As GitHub makes anchors of headings. */
function headingsOf(page: string): string[] {
  return [...text(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('the links', () => {
  it.each(pages)('of %s lead somewhere', (page) => {
    expect(linksOf(page).filter((link) => !isThere(page, link))).toEqual([]);
  });
});
