/**
 * The tree config/images, built as root by a real builder from Debian's packages, and each image tried. No registry is asked: the Debian
 * that the tree builds on is made of packages as well. It takes minutes and no cluster, so it runs beside flows that wait for theirs.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { ImageRow } from '../../bin/admin/images-build.ts';
import { run } from '../cluster/run.ts';
import { prepareBuildah } from '../support/buildah.ts';
import { debianDirectory } from '../support/debian-root.ts';
import { repositoryRoot } from '../support/repository-root.ts';

let place: string;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'sample-images-'));
  env = await prepareBuildah(place);
}, 600_000);

afterAll(async () => {
  if (place) await rm(place, { recursive: true, force: true });
});

/** @returns what became of each image, by its name in the tree */
async function build(tree: string): Promise<Record<string, string>> {
  const words = [join(repositoryRoot, 'dist/admin.js'), 'images', 'build', tree, '--builder', 'buildah', '-o', 'json'];
  const rows = JSON.parse(await run(process.execPath, words, { env })) as ImageRow[];
  return Object.fromEntries(rows.map(({ image, became }) => [image, became]));
}

describe('the sample tree of images', () => {
  beforeAll(async () => {
    const debian = join(place, 'debian');
    await mkdir(join(debian, 'trixie'), { recursive: true });
    const root = await debianDirectory([], (line) => console.error(line));
    await run('tar', [
      '--create',
      '--one-file-system',
      '--directory',
      root,
      '--file',
      join(debian, 'trixie/root.tar'),
      '.',
    ]);
    await writeFile(join(debian, 'images.yaml'), 'prefix: debian\n');
    await writeFile(join(debian, 'trixie/Dockerfile'), 'FROM scratch\nADD root.tar /\n');
    expect(await build(debian)).toEqual({ trixie: 'built' });
  }, 600_000);

  it('is built whole, what others build on first', async () => {
    const tree = join(place, 'images');
    await cp(join(repositoryRoot, 'config/images'), tree, { recursive: true });
    const { prefix } = parse(await readFile(join(tree, 'images.yaml'), 'utf8')) as { prefix: string };
    const settings = { prefix, args: { DEBIAN: 'localhost/debian-trixie:testing' } };
    await writeFile(join(tree, 'images.yaml'), stringify(settings));
    expect(await build(tree)).toEqual({ base: 'built', node: 'built', python: 'built', standalone: 'built' });
  }, 900_000);

  it.each([
    ['base', 'launcher bash -c "curl --version | head -1"', /^curl \d/],
    ['standalone', 'jq --version && git --version', /^jq-\d.*git version \d/s],
    ['node', 'node --version && npm --version', /^v\d.*\n\d/],
    ['python', 'python3 --version && python3 -m venv /tmp/venv && echo made', /^Python 3.*made/s],
  ])('has in %s what it is for', async (name, words, said) => {
    const container = (await run('buildah', ['from', `localhost/toolforge-${name}:testing`], { env })).trim();
    expect(await run('buildah', ['run', container, '--', 'sh', '-c', words], { env })).toMatch(said);
  });
});
