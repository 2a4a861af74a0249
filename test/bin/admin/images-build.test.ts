import { describe, expect, it } from 'vitest';
import { buildImages, buildText, isAllDone } from '../../../bin/admin/images-build.ts';
import { type Builder, buildWords, findBuilder, heldImageOf } from '../../../bin/admin/images-builder.ts';
import { graphDot, graphText } from '../../../bin/admin/images-graph.ts';
import { affectedBy, inOrder } from '../../../bin/admin/images-order.ts';
import { pruneImages, pruneText, unneeded } from '../../../bin/admin/images-prune.ts';
import { isOnThisMachine, isReference, isRegistry } from '../../../bin/admin/images-reference.ts';
import type { ImageTree, TreeImage } from '../../../bin/admin/images-tree.ts';

const family = 'r.example.org/toolforge';

/** `name: what it builds on`; what is no name of the tree is made by others. */
function treeOf(edges: Record<string, readonly string[]>): ImageTree {
  const images = Object.entries(edges).map(([name, all]): [string, TreeImage] => [
    name,
    {
      name,
      directory: `tree/${name}`,
      reference: `${family}-${name}:testing`,
      bases: all.filter((one) => one in edges),
      foreign: all.filter((one) => !(one in edges)),
      args: new Map(),
    },
  ]);
  return { root: 'tree', family, images: new Map(images) };
}

const tree = treeOf({
  base: ['debian'],
  python: ['base'],
  web: ['python', 'assets'],
  assets: ['base'],
  node: ['base'],
  other: ['alpine'],
});

/** Does at once what it is told, and remembers it. */
function scriptedBuilder(fails: readonly string[] = []) {
  const done: string[] = [];
  let running = 0;
  let most = 0;
  const act = async (what: string) => {
    done.push(what);
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => setImmediate(resolve));
    running -= 1;
    if (fails.includes(what)) throw new Error(`no \u001b[2J${what}`);
  };
  const shortOf = (reference: string) => reference.replace(`${family}-`, '');
  const builder: Builder = {
    name: 'buildah',
    build: ({ name }, { fromScratch }) => act(`${fromScratch ? 'scratch' : 'build'} ${name}`),
    pull: (reference, always) => act(`${always ? 'fetch' : 'pull'} ${reference}`),
    push: (reference) => act(`push ${shortOf(reference)}`),
    held: async () => [],
    remove: ({ reference, id }) => act(`remove ${shortOf(reference ?? id)}`),
  };
  return { builder, done, most: () => most };
}

async function build(
  of: ImageTree,
  fails: readonly string[],
  options: { push?: boolean; fromScratch?: boolean; atOnce?: number } = {},
) {
  const scripted = scriptedBuilder(fails);
  const given = { push: false, fromScratch: false, atOnce: 4, say: () => {}, ...options };
  const rows = await buildImages(of, inOrder(of.images), scripted.builder, given);
  return {
    ...scripted,
    rows,
    became: rows.map(({ image, became, why }) => [image, became, ...(why ? [why] : [])].join(' ')),
  };
}

describe('the images that belong to one', () => {
  it('are what it builds on, what builds on it, and whatever that builds on, bases first', () => {
    expect(affectedBy(tree.images, ['python'])).toEqual(['base', 'assets', 'python', 'web']);
    expect(affectedBy(tree.images, ['base'])).toEqual(['base', 'assets', 'node', 'python', 'web']);
    expect(affectedBy(tree.images, ['node'])).toEqual(['base', 'node']);
    expect(affectedBy(tree.images, ['other', 'node'])).toEqual(['base', 'node', 'other']);
  });
});

describe('a build', () => {
  it('makes each image after what it builds on, several at once, and fetches what others make once', async () => {
    const { done, became } = await build(tree, []);
    const at = (what: string) => done.indexOf(what);
    for (const { name, bases, foreign } of tree.images.values()) {
      for (const base of bases) expect(at(`build ${base}`)).toBeLessThan(at(`build ${name}`));
      for (const reference of foreign) expect(at(`pull ${reference}`)).toBeLessThan(at(`build ${name}`));
    }
    expect(done.filter((what) => what === 'pull debian')).toHaveLength(1);
    expect(became).toEqual(['base built', 'assets built', 'node built', 'other built', 'python built', 'web built']);
  });

  it.each([1, 2])('makes no more than %i at once', async (atOnce) => {
    expect((await build(tree, [], { atOnce })).most()).toBe(atOnce);
  });

  it('skips what builds on a failure, over any number of steps, and makes the rest', async () => {
    const { became, rows, done } = await build(tree, ['build python']);
    expect(became).toEqual([
      'base built',
      'assets built',
      'node built',
      'other built',
      'python failed no \u001b[2Jbuild python',
      'web skipped python failed',
    ]);
    expect(done).not.toContain('build web');
    expect(isAllDone(rows, false)).toBe(false);
    const chain = await build(treeOf({ a: [], b: ['a'], c: ['b'] }), ['build a']);
    expect(chain.became.slice(1)).toEqual(['b skipped a failed', 'c skipped b was skipped']);
  });

  it('is a table without anything that moves a cursor', async () => {
    const text = buildText((await build(tree, ['build python'])).rows);
    expect(text).toMatch(
      /^python +r\.example\.org\/toolforge-python:testing +failed +\d+\.\d +no \\x1b\[2Jbuild python$/m,
    );
  });

  it('fails where what it builds on cannot be fetched', async () => {
    expect((await build(tree, ['pull alpine'])).became).toContain('other failed no \u001b[2Jpull alpine');
  });

  it('from scratch takes no layer and fetches anew', async () => {
    const { done } = await build(treeOf({ a: ['debian'] }), [], { fromScratch: true });
    expect(done).toEqual(['fetch debian', 'scratch a']);
  });

  it('pushes when all is built, bases first', async () => {
    const { done, rows } = await build(treeOf({ b: ['a'], a: [] }), [], { push: true });
    expect(done).toEqual(['build a', 'build b', 'push a:testing', 'push b:testing']);
    expect(isAllDone(rows, true)).toBe(true);
  });

  it('holds back what belongs with a failure, and pushes what does not', async () => {
    const { became, done } = await build(tree, ['build web'], { push: true });
    expect(became.filter((row) => row.includes('held back'))).toEqual([
      'base held back web failed',
      'assets held back web failed',
      'node held back web failed',
      'python held back web failed',
    ]);
    expect(done.filter((what) => what.startsWith('push'))).toEqual(['push other:testing']);
  });

  it('says which image the registry did not take, and goes on', async () => {
    const { became, rows } = await build(treeOf({ a: [], b: [] }), ['push a:testing'], { push: true });
    expect(became).toEqual(['a not pushed no \u001b[2Jpush a:testing', 'b pushed']);
    expect(isAllDone(rows, true)).toBe(false);
  });

  it('gives the builder words, never a line for a shell', () => {
    const image: TreeImage = {
      name: 'a',
      directory: '-dir; x',
      reference: `${family}-a:latest`,
      bases: [],
      foreign: [],
      args: new Map([
        ['TAG', 'latest'],
        ['X', '$(y) `z`'],
      ]),
    };
    expect(buildWords('podman', image, { family, fromScratch: true })).toEqual([
      ...['build', '--no-cache', '--label', `jobs.toolforge.org/image-family=${family}`],
      ...['--build-arg', 'TAG=latest', '--build-arg', 'X=$(y) `z`'],
      ...['--tag', `${family}-a:latest`, '--file', './-dir; x/Dockerfile', './-dir; x'],
    ]);
    expect(buildWords('buildah', image, { family, fromScratch: false }).slice(0, 3)).toEqual([
      'build',
      '--layers',
      '--label',
    ]);
  });

  it('needs a builder that is installed', () => {
    expect(() => findBuilder(undefined, '/nonexistent')).toThrow('None of buildah, podman, docker is installed');
    expect(() => findBuilder('podman', '/nonexistent')).toThrow('podman is not installed.');
  });
});

describe('the graph', () => {
  it('shows a level for each step, and what builds on an image once', () => {
    expect(graphText(tree).split('\n')).toEqual([
      'alpine',
      '  other',
      'debian',
      '  base',
      '    python',
      '      web',
      '    assets',
      '      web',
      '    node',
    ]);
    expect(graphText(treeOf({ a: ['x', 'y'], b: ['a'], c: [] })).split('\n')).toEqual([
      'x',
      '  a',
      '    b',
      'y',
      '  a (see above)',
      'c',
    ]);
  });

  it('is one that Graphviz draws', () => {
    expect(graphDot(treeOf({ b: ['a', 'x"'], a: [] })).split('\n')).toEqual([
      'digraph "r.example.org/toolforge" {',
      '  rankdir=LR;',
      '  "x\\"" [shape=box, style=dashed];',
      '  "a" [shape=box];',
      '  "b" [shape=box];',
      '  "x\\"" -> "b";',
      '  "a" -> "b";',
      '}',
    ]);
  });
});

describe('pruning', () => {
  const [one, two, three] = ['1', '2', '3'].map((digit) => digit.repeat(12)) as [string, string, string];
  const held = [
    { id: one, reference: `${family}-base:latest` },
    { id: two, reference: `${family}-gone:latest` },
    { id: three, reference: undefined },
    { id: 'f'.repeat(12), reference: 'r.example.org/somebody/elses:1' },
  ];

  it('finds what no Dockerfile makes, and what has lost its name to a newer one', () => {
    expect(unneeded(tree, held).map(({ id }) => id)).toEqual([two, three]);
  });

  it('removes nothing unless it is told to', async () => {
    const { builder, done } = scriptedBuilder();
    const rows = await pruneImages(tree, { ...builder, held: async () => held }, false, () => {});
    expect(done).toEqual([]);
    expect(pruneText(rows, false)).toBe(
      `${family}-gone:latest\n333333333333 (its name is that of a newer one)\nNothing was removed. Say --yes to remove these.`,
    );
  });

  it('goes on where something is still in use', async () => {
    const { builder } = scriptedBuilder(['remove gone:latest']);
    const rows = await pruneImages(tree, { ...builder, held: async () => held }, true, () => {});
    expect(rows.map(({ became }) => became)).toEqual(['not removed', 'removed']);
  });

  it('reads what a builder lists, however it is spaced', () => {
    expect(heldImageOf(`sha256:${'a'.repeat(64)}   r/x   latest`)).toEqual([
      { id: `sha256:${'a'.repeat(64)}`, reference: 'r/x:latest' },
    ]);
    expect(heldImageOf(`${one} <none> <none>`)).toEqual([{ id: one, reference: undefined }]);
    expect(heldImageOf('warning: something')).toEqual([]);
  });
});

describe('names of images', () => {
  it.each([
    'debian',
    'debian:trixie-slim',
    'r.example.org:5000/a/b_c--d:Tag',
    `x@sha256:${'0'.repeat(64)}`,
    'localhost/a:latest',
  ])('may be %s', (text) => {
    expect(isReference(text)).toBe(true);
  });
  it.each([
    '',
    '-x',
    'A',
    'a b',
    'a;b',
    '$(x)',
    'a:',
    'a@sha256:1',
    'a//b',
    '../a',
    'a\n',
    'https://a/b',
    `a:${'t'.repeat(129)}`,
  ])('may not be %j', (text) => {
    expect(isReference(text)).toBe(false);
  });
  it('have a registry that is a host, perhaps with a port and a path', () => {
    expect(['r', 'r.example.org:5000', 'r.example.org/ours'].every(isRegistry)).toBe(true);
    expect(['', '-r', 'r:', 'r:port', 'r/', 'r/A', 'user@r'].some(isRegistry)).toBe(false);
  });
  it('are asked for without TLS on this machine only', () => {
    expect(['127.0.0.1:5000/a', 'localhost:5000/a:x', '127.0.0.1:5000'].every(isOnThisMachine)).toBe(true);
    expect(
      ['localhost/a', '127.0.0.1.example.org:5000/a', 'r.example.org:5000/a', '10.0.0.1:5000/a'].some(isOnThisMachine),
    ).toBe(false);
  });
});
