/** The image of the daemon, from the Dockerfile by a real builder, and for another kind of machine. Needs no cluster. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { buildImage, imageConfig, writeContext } from '../../packaging/image/build.ts';
import { run } from '../cluster/run.ts';
import { prepareBuildah } from '../support/buildah.ts';

let place: string;
let buildah: (...words: string[]) => Promise<string>;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'daemon-image-'));
  const env = await prepareBuildah(join(place, 'buildah'));
  buildah = async (...words) => (await run('buildah', words, { env })).trim();
});

afterAll(() => rm(place, { recursive: true, force: true }));

/** What archives of a directory hold, together. */
async function unpacked(name: string, archives: readonly string[]): Promise<string> {
  const root = join(place, name);
  await run('mkdir', [root]);
  for (const archive of archives) await run('tar', ['-xf', archive, '-C', root]);
  return root;
}

describe('the image of the daemon', () => {
  it('is the same from a Dockerfile: what runs, as whom, and every file', async () => {
    const context = join(place, 'context');
    await writeContext(context);
    await buildah('build', '--build-arg', `VERSION=${manifest.version}`, '--tag', 'daemon', context);
    const { config } = JSON.parse(await buildah('inspect', '--type', 'image', 'daemon')).OCIv1;
    const { Labels, ...rest } = imageConfig();
    expect(config).toMatchObject(rest);
    expect(config.Labels).toEqual({ ...Labels, 'io.buildah.version': expect.any(String) });
    const container = await buildah('from', 'daemon');
    const layers = ['base', 'app'].map((layer) => join(context, `${layer}.tar.gz`));
    const compared = [await unpacked('layers', layers), await buildah('mount', container)];
    expect(await run('diff', ['--recursive', '--no-dereference', ...compared])).toBe('');
    const version = await buildah('run', container, '--', '/usr/bin/node', '/app/jobsd.js', '--version');
    expect(version).toBe(manifest.version);
  });

  it('for arm64 holds programs and libraries of arm64, and no other', async () => {
    const { archive, digest } = await buildImage(join(place, 'arm64.tar'), 'x.example.org/daemon:1', 'arm64');
    const layout = await unpacked('layout', [archive]);
    const blob = (name: string) => join(layout, 'blobs/sha256', name.slice('sha256:'.length));
    const json = async (name: string) => JSON.parse(await readFile(blob(name), 'utf8'));
    const { config, layers } = await json(digest);
    expect(await json(config.digest)).toMatchObject({ architecture: 'arm64', os: 'linux' });
    const root = await unpacked(
      'arm64',
      layers.map((layer: { digest: string }) => blob(layer.digest)),
    );
    const machines = await machinesBelow(root);
    expect(machines.get('usr/bin/node')).toBe('AArch64');
    expect([...machines.keys()].filter((path) => path.includes('libc.so.6'))).not.toEqual([]);
    expect(new Set(machines.values())).toEqual(new Set(['AArch64']));
  });
});

/** Of every ELF file, elf(5): `e_machine`. */
async function machinesBelow(root: string): Promise<Map<string, string>> {
  const names: Readonly<Record<number, string>> = { 62: 'x86-64', 183: 'AArch64' };
  const machines = new Map<string, string>();
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    if (bytes.subarray(0, 4).toString('latin1') !== '\x7fELF') continue;
    const machine = bytes.readUInt16LE(18);
    machines.set(path.slice(root.length + 1), names[machine] ?? String(machine));
  }
  return machines;
}
