import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyrightText, packagesIn } from '../../../packaging/debian/copyright.ts';

let modules: string;
const bundle = (...sources: string[]) => new Map([['dist/a.js', JSON.stringify({ sources })]]);

async function add(name: string, license: unknown, text?: string): Promise<void> {
  await mkdir(join(modules, name), { recursive: true });
  await writeFile(join(modules, name, 'package.json'), JSON.stringify({ name, license }));
  if (text !== undefined) await writeFile(join(modules, name, 'LICENSE'), text);
}

beforeAll(async () => {
  modules = await mkdtemp(join(tmpdir(), 'modules-'));
  await add(
    '@a/one',
    'MIT',
    'The licence\n\nCopyright (c) 2020 One\nCopyright 2021 Another\n\nCOPYRIGHT HOLDERS are not liable.\n',
  );
  await add('unsaid', 'MIT');
  await add('nobodys', 'MIT', 'Do what you want.');
});
afterAll(() => rm(modules, { recursive: true }));

describe('whose work is in the package', () => {
  it('is read from the source maps', () => {
    const sources = [
      '../bin/jobs.ts',
      '../node_modules/cac/x.js',
      '../node_modules/p/node_modules/@a/one/x.js',
      '../node_modules/cac/y.js',
    ];
    expect(packagesIn(JSON.stringify({ sources }))).toEqual(['@a/one', 'cac']);
  });

  it('is said with every owner and the whole licence, of the file that it is in', async () => {
    const text = await copyrightText(bundle('../node_modules/@a/one/index.js'), modules);
    expect(text).toContain(
      'Files: dist/a.js\nCopyright: 2026, the authors of Toolforge Jobs\n 2020 One\n 2021 Another\nLicense: Apache-2.0 and MIT--a-one\n',
    );
    expect(text).toContain('License: MIT--a-one\n The licence\n .\n Copyright (c) 2020 One\n');
  });

  it.each(['unsaid', 'nobodys'])('is not guessed: %s', async (name) => {
    await expect(copyrightText(bundle(`../node_modules/${name}/index.js`), modules)).rejects.toThrow(name);
  });
});
