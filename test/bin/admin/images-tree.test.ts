import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findTree, readTree, type TreeOptions } from '../../../bin/admin/images-tree.ts';
import { AppError } from '../../../src/errors.ts';
import { repositoryRoot } from '../../support/repository-root.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'image-tree-'));
});
afterEach(() => rm(root, { recursive: true }));

async function write(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries({ 'images.yaml': '', ...files })) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

/** A Dockerfile that builds on another of the tree. */
const on = (name: string) => `ARG REGISTRY PREFIX TAG\nFROM \${REGISTRY}/\${PREFIX}-${name}:\${TAG}\n`;

async function tree(files: Record<string, string>, options: Partial<TreeOptions> = {}) {
  await write(files);
  return readTree(root, { tag: 'testing', ...options });
}

const problemsOf = (files: Record<string, string>, options: Partial<TreeOptions> = {}) =>
  tree(files, options).then(
    () => [],
    (error: AppError) => {
      if (!(error instanceof AppError)) throw error;
      expect(error.code).toBe('image_tree.invalid');
      return (error.problems ?? []).map((problem) => problem.replace(`${root}/`, ''));
    },
  );

describe('a tree of images', () => {
  it('is every directory with a Dockerfile, by its path, and what each builds on', async () => {
    const { images, family } = await tree({
      'images.yaml': 'registry: r.example.org/ours\nargs: { DEBIAN: debian:trixie }\n',
      'base/Dockerfile': 'ARG DEBIAN\nFROM $DEBIAN\n',
      'python311/base/Dockerfile': on('base'),
      'python311/web/Dockerfile': `${on('python311-base')}COPY --from=node:20 / /\n`,
      'python311/web/.hidden/Dockerfile': 'no Dockerfile',
      'python311/web/src/main.py': '',
    });
    expect(family).toBe('r.example.org/ours/toolforge');
    expect([...images.keys()]).toEqual(['base', 'python311-base', 'python311-web']);
    expect(images.get('base')).toMatchObject({ bases: [], foreign: ['debian:trixie'] });
    expect(images.get('base')?.args).toEqual(new Map([['DEBIAN', 'debian:trixie']]));
    expect(images.get('python311-web')).toMatchObject({
      reference: 'r.example.org/ours/toolforge-python311-web:testing',
      bases: ['python311-base'],
      foreign: ['node:20'],
    });
  });

  it('takes what is said on the command line rather than what its file says', async () => {
    const { images } = await tree(
      {
        'images.yaml': 'registry: r.example.org\nprefix: tools\n',
        'a/Dockerfile': 'FROM scratch',
        'b/Dockerfile': on('a'),
      },
      { registry: '127.0.0.1:5000', prefix: 'mine', tag: 'latest' },
    );
    expect(images.get('b')).toMatchObject({ reference: '127.0.0.1:5000/mine-b:latest', bases: ['a'] });
  });

  it('is that of a directory above, and needs its file', async () => {
    await write({ 'python/web/Dockerfile': '' });
    expect(await findTree(join(root, 'python/web'))).toBe(root);
    expect(await findTree(root)).toBe(root);
    await expect(findTree(tmpdir())).rejects.toThrow('has a file images.yaml');
    await expect(findTree(join(root, 'nothing'))).rejects.toThrow('is no directory');
    await expect(findTree(join(root, 'images.yaml'))).rejects.toThrow('is no directory');
  });

  it('of the repository is well', async () => {
    const { images } = await readTree(join(repositoryRoot, 'config/images'), { tag: 'latest' });
    const seen = [...images.values()].map(({ name, bases, foreign }) => [name, ...bases, ...foreign]);
    expect(seen).toEqual([
      ['base', 'docker.io/library/debian:trixie-slim'],
      ['node', 'base'],
      ['python', 'base'],
      ['standalone', 'base'],
    ]);
  });
});

describe('what is wrong with a tree', () => {
  it('is named all at once, each with its file and line', async () => {
    expect(
      await problemsOf({
        'a/Dockerfile': on('bsae'),
        'b/Dockerfile': 'FROM a b\n\nRUN <<E\n',
        'base/Dockerfile': 'FROM scratch',
      }),
    ).toEqual([
      "a/Dockerfile:2: no Dockerfile of the tree makes 'bsae' (localhost/toolforge-bsae:testing); there is 'base'.",
      'b/Dockerfile:1: FROM must be `FROM IMAGE` or `FROM IMAGE AS STAGE`.',
      'b/Dockerfile:3: the here-document E has no end.',
    ]);
  });

  it('may be a circle, which is shown', async () => {
    expect(
      await problemsOf({
        'a/Dockerfile': on('b'),
        'b/Dockerfile': on('c'),
        'c/Dockerfile': `#\n${on('a')}`,
        'd/Dockerfile': on('a'),
      }),
    ).toEqual(['a/Dockerfile:2: a builds on itself: a -> b -> c -> a.']);
    expect(await problemsOf({ 'a/Dockerfile': on('a') })).toContain('a/Dockerfile:2: a builds on itself: a -> a.');
  });

  it.each<[string, Record<string, string>, string]>([
    [
      'an image of the tree by its short name',
      { 'a/Dockerfile': 'FROM toolforge-b', 'b/Dockerfile': 'FROM scratch' },
      `a/Dockerfile:1: 'toolforge-b' is an image of this tree: write \${REGISTRY}/\${PREFIX}-b:\${TAG}.`,
    ],
    [
      'an image of the tree under a fixed tag',
      { 'a/Dockerfile': 'FROM localhost/toolforge-b:latest', 'b/Dockerfile': 'FROM scratch' },
      `a/Dockerfile:1: 'localhost/toolforge-b:latest' is not what the tree makes: write \${REGISTRY}/\${PREFIX}-b:\${TAG}.`,
    ],
    [
      'no address of an image',
      { 'a/Dockerfile': 'FROM -x' },
      "a/Dockerfile:1: '-x' is no address of an image, such as registry.example.org/name:tag.",
    ],
    [
      'a directory whose name is none for an image',
      { 'A;b/Dockerfile': 'FROM scratch' },
      "A;b/Dockerfile:1: the directory 'A;b' gives the image its name: small letters, digits and single '.', '_', '-' between.",
    ],
    [
      'two images of one name',
      { 'a/b/Dockerfile': 'FROM scratch', 'a-b/Dockerfile': 'FROM scratch' },
      "a-b/Dockerfile:1: the image would be called 'a-b', as that of",
    ],
    [
      'an image beside images.yaml',
      { Dockerfile: 'FROM scratch' },
      'Dockerfile:1: the directory of the tree is no image itself; give it one of its own.',
    ],
    ['no image', {}, 'no directory below it has a Dockerfile.'],
    ['a directory instead of a Dockerfile', { 'a/Dockerfile/x': '' }, 'a/Dockerfile:1: it is no plain file.'],
    [
      'too long a Dockerfile',
      { 'a/Dockerfile': `FROM scratch\n${'#\n'.repeat(600_000)}` },
      'a/Dockerfile:1: it is larger than 1 MiB.',
    ],
    [
      'an unknown key',
      { 'images.yaml': 'registri: x' },
      "images.yaml: there is no key 'registri'; it knows registry, prefix, args.",
    ],
    [
      'a registry with a scheme',
      { 'images.yaml': 'registry: https://x' },
      "images.yaml: the registry must be HOST, HOST:PORT or HOST/PATH; 'https://x' is not.",
    ],
    [
      'a prefix that is none',
      { 'images.yaml': 'prefix: -x' },
      "images.yaml: the prefix must be small letters, digits and single '.', '_', '-' between; '-x' is not.",
    ],
    [
      'an argument that is set anyway',
      { 'images.yaml': 'args: { TAG: x }' },
      'images.yaml: args: TAG is set by the command.',
    ],
    [
      'an argument that is no text',
      { 'images.yaml': 'args: { A: 1, "b c": x }' },
      "images.yaml: args: 'b c' is no name of an argument.",
    ],
    ['no YAML', { 'images.yaml': 'a: [' }, 'images.yaml: it is not YAML'],
  ])('may be %s', async (_, files, words) => {
    expect((await problemsOf(files)).join('\n')).toContain(words);
  });

  it('may be a Dockerfile that leads out of the tree', async () => {
    await write({});
    await mkdir(join(root, 'a'));
    await symlink('/etc/hostname', join(root, 'a/Dockerfile'));
    await symlink('/', join(root, 'b'));
    expect(await problemsOf({})).toEqual(['a/Dockerfile:1: it is no plain file.']);
  });
});
