import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../src/errors.ts';
import { parseImageConfig } from '../src/images.ts';

const registry = 'docker-registry.example.org';
const list = parseImageConfig(`
python3.11:
  state: stable
  aliases: [tf-python311]
  image: ${registry}/toolforge-python311-sssd-web
  variants:
    jobs-framework: { image: ${registry}/toolforge-python311-sssd-base }
    webservice: { image: ${registry}/toolforge-python311-sssd-web, extra: { wstype: generic } }
bullseye:
  state: stable
  variants:
    jobs-framework: { image: "${registry}/toolforge-bullseye-sssd" }
node18:
  state: deprecated
  image: ${registry}/toolforge-node18-sssd-web:2023
  variants: {}
only-web:
  state: stable
  variants:
    webservice: { image: ${registry}/web-only }
Zig:
  state: stable
  image: ${registry}/zig@sha256:abc
`);

function problemsOf(text: string): readonly string[] {
  try {
    parseImageConfig(text);
  } catch (error) {
    if (error instanceof AppError && error.code === 'settings.invalid') return error.problems ?? [];
    throw error;
  }
  return [];
}

describe('the list of images', () => {
  it('offers the stable ones in byte order', () => {
    expect(list.offered().map(({ name }) => name)).toEqual(['Zig', 'bullseye', 'python3.11']);
  });

  it('prefers the image at the top, takes the variant for jobs otherwise, and adds a tag where there is none', () => {
    expect(list.find('python3.11')?.url).toBe(`${registry}/toolforge-python311-sssd-web:latest`);
    expect(list.find('bullseye')?.url).toBe(`${registry}/toolforge-bullseye-sssd:latest`);
    expect(list.find('node18')?.url).toBe(`${registry}/toolforge-node18-sssd-web:2023`);
    expect(list.find('Zig')?.url).toBe(`${registry}/zig@sha256:abc`);
  });

  it('counts the short names of variants among the aliases', () => {
    expect(list.find('python3.11')?.aliases).toEqual([
      'tf-python311',
      'toolforge-python311-sssd-base',
      'toolforge-python311-sssd-web',
    ]);
  });

  it.each([
    'python3.11',
    'tf-python311',
    'python3.11:latest',
    'toolforge-python311-sssd-base',
    `${registry}/toolforge-python311-sssd-web`,
    `${registry}/toolforge-python311-sssd-base:latest`,
  ])('finds one image as %s', (text) => {
    expect(list.find(text)?.name).toBe('python3.11');
  });

  it.each([
    '',
    'python',
    'python3.11:other',
    'other.example.org/python3.11',
    'python3.11@sha256:1',
    'only-web',
    '__proto__',
    'constructor',
    'Python3.11',
    'python3.11\n',
    '/',
    ':',
    '@',
  ])('does not find %j', (text) => {
    expect(list.find(text)).toBeUndefined();
  });

  it('still finds deprecated ones', () => {
    expect(list.find('node18')?.state).toBe('deprecated');
  });

  it('keeps a place for what it does not know', () => {
    expect(list.byUrl('registry.example.net/old:1')).toEqual({
      name: 'registry.example.net/old:1',
      url: 'registry.example.net/old:1',
      aliases: [],
      state: 'unknown',
      type: 'standard',
    });
    expect(list.byUrl('harbor.example.org/tool-demo/web:latest')).toMatchObject({
      name: 'tool-demo/web:latest',
      type: 'buildservice',
    });
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (url) => typeof list.byUrl(url).name === 'string'));
  });

  it('names the one that was probably meant', () => {
    expect(list.nearest('python311')).toBe('python3.11');
    expect(list.nearest('bulseye')).toBe('bullseye');
    expect(list.nearest('ruby')).toBeUndefined();
  });

  it('reads the list of 2022', () => {
    const old = parseImageConfig(`
- shortname: tf-bullseye-std
  image: ${registry}/toolforge-bullseye-sssd:latest
- shortname: tf-php73-DEPRECATED
  image: ${registry}/toolforge-php73-sssd-base
`);
    expect(old.offered()).toEqual([
      {
        name: 'tf-bullseye-std',
        url: `${registry}/toolforge-bullseye-sssd:latest`,
        aliases: [],
        state: 'stable',
        type: 'standard',
      },
    ]);
    expect(old.find('tf-php73-DEPRECATED')).toMatchObject({
      state: 'deprecated',
      url: `${registry}/toolforge-php73-sssd-base:latest`,
    });
  });

  it('names every problem at once', () => {
    const problems = problemsOf(`a: 1\nb: { state: odd, aliases: 3, variants: 4, image: "x y" }\n"c d": {}`);
    expect(problems).toHaveLength(6);
    expect(problems.join('\n')).toMatch(/"a".*\n"b": variants.*\n"b": image.*\n"b": aliases.*\n"b": state.*\n"c d"/);
    expect(problemsOf('- shortname: a\n- image: b\n- 3')).toHaveLength(3);
  });

  it.each(['', '[]', '{}', 'a: 1\na: 2', '{', 'text', '3', 'only-web: { state: stable }'])('refuses %j', (text) => {
    expect(problemsOf(text)).toHaveLength(1);
  });

  it('names the first twenty problems of a list that is wrong everywhere, each in few words', () => {
    const problems = problemsOf(Array.from({ length: 1_000 }, (_, at) => `${'x'.repeat(500)}${at}: 1\n`).join(''));
    expect([problems.length, problems.at(-1)]).toEqual([21, 'and 980 more']);
    expect(Math.max(...problems.map((problem) => problem.length))).toBeLessThanOrEqual(200);
  });

  it('names keys that stand there twice, at any depth', () => {
    expect(problemsOf('a: { state: stable, image: r/a, image: r/b }')).toEqual(['"image" stands there twice']);
  });

  it('does not ask the parser for what it is slow at', () => {
    expect(problemsOf('&a '.repeat(100_000))).toEqual(['it is full of "&" or "*", which no list of images needs']);
    const long = Array.from({ length: 20_000 }, (_, at) => `i${at}: { state: stable, image: r/i${at} }\n`).join('');
    expect(problemsOf(long)).toEqual([]);
  });

  it('is not blown up by aliases that stand for aliases', () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x]',
      ...[...'bcdefghi'].map((name, at) => `${name}: &${name} [${`*${'abcdefgh'[at]},`.repeat(9)}]`),
    ].join('\n');
    expect(problemsOf(bomb)).toHaveLength(1);
    expect(problemsOf(`a: "${'x'.repeat(1_048_576)}"`)).toEqual(['it is larger than 1 MiB']);
  });
});
