/**
 * `npm run images:sample`: builds the tree config/images for real, as root, in about two minutes, and looks into each image. No registry is asked:
 * the Debian that the tree builds on is made of Debian's packages. Everything it makes is gone afterwards.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { ensurePackages, isOnPath } from '../cluster/packages.ts';
import { run } from '../cluster/run.ts';
import { prepareBuildah } from '../support/buildah.ts';
import { repositoryRoot } from '../support/repository-root.ts';

/** A command for each image that only works where it is what it says. */
const proofs: Readonly<Record<string, string>> = {
  base: 'launcher bash -c "curl --version | head -1"',
  standalone: 'jq --version && git --version',
  node: 'node --version && npm --version',
  python: 'python3 --version && python3 -m venv /tmp/venv',
};

const needs = [
  { package: 'mmdebstrap', present: () => isOnPath('mmdebstrap') },
  { package: 'debian-archive-keyring', present: () => existsSync('/usr/share/keyrings/debian-archive-keyring.gpg') },
];

const place = await mkdtemp(join(tmpdir(), 'sample-images-'));
try {
  await ensurePackages((line) => console.error(line), needs);
  const env = await prepareBuildah(place);
  const debian = join(place, 'debian');
  await mkdir(join(debian, 'trixie'), { recursive: true });
  await run('mmdebstrap', ['--quiet', '--variant=minbase', 'trixie', join(debian, 'trixie/root.tar')]);
  await writeFile(join(debian, 'images.yaml'), 'prefix: debian\n');
  await writeFile(join(debian, 'trixie/Dockerfile'), 'FROM scratch\nADD root.tar /\n');
  await build(debian, env);
  const tree = join(place, 'images');
  await cp(join(repositoryRoot, 'config/images'), tree, { recursive: true });
  const { prefix } = parse(await readFile(join(tree, 'images.yaml'), 'utf8')) as { prefix: string };
  await writeFile(
    join(tree, 'images.yaml'),
    stringify({ prefix, args: { DEBIAN: 'localhost/debian-trixie:testing' } }),
  );
  await build(tree, env);
  for (const [name, words] of Object.entries(proofs)) {
    const container = (await run('buildah', ['from', `localhost/${prefix}-${name}:testing`], { env })).trim();
    const said = await run('buildah', ['run', container, '--', 'sh', '-c', words], { env });
    console.log(`${name}: ${said.trim().split('\n').join(', ')}`);
  }
} finally {
  await rm(place, { recursive: true, force: true });
}

async function build(tree: string, env: Readonly<Record<string, string>>): Promise<void> {
  const words = [join(repositoryRoot, 'dist/admin.js'), 'images', 'build', tree, '--builder', 'buildah'];
  const child = spawn(process.execPath, words, { env, stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`The images of ${tree} were not built.`);
}
