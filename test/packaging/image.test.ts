import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { billOfMaterials, bundledMaterials } from '../../packaging/image/bill-of-materials.ts';
import { layerOf, writeArchive } from '../../packaging/image/oci.ts';
import { run } from '../cluster/run.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'image-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** The same files, made in another order, at another time. */
async function imageOf(name: string, files: readonly string[], at: number) {
  const root = join(directory, name);
  mkdirSync(join(root, 'etc'), { recursive: true });
  for (const file of files) {
    writeFileSync(join(root, 'etc', file), `this is ${file}`);
    utimesSync(join(root, 'etc', file), at, at);
  }
  const layers = [await layerOf(root, join(directory, `${name}.tar.gz`))];
  return writeArchive(join(directory, `${name}.oci.tar`), {
    reference: 'x.example.org/a:1',
    architecture: 'arm64',
    layers,
    config: { User: '1' },
  });
}

describe('an image', () => {
  it('is the same byte for byte, whenever and in whatever order its files were made', async () => {
    const one = await imageOf('one', ['a', 'b'], 1_000);
    const two = await imageOf('two', ['b', 'a'], 2_000_000);
    expect(two.digest).toBe(one.digest);
    expect(readFileSync(two.archive).equals(readFileSync(one.archive))).toBe(true);
  });

  it('is what the image specification asks for: an index, a manifest, a configuration and layers, each by its digest', async () => {
    const { archive, digest } = await imageOf('one', ['a'], 1_000);
    await run('tar', ['-xf', archive, '-C', directory]);
    const blob = (name: string) => JSON.parse(readFileSync(join(directory, 'blobs/sha256', name.slice(7)), 'utf8'));
    const index = JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8'));
    expect(index.manifests).toMatchObject([
      {
        digest,
        annotations: { 'io.containerd.image.name': 'x.example.org/a:1', 'org.opencontainers.image.ref.name': '1' },
      },
    ]);
    const manifest = blob(digest);
    const config = blob(manifest.config.digest);
    expect(config).toMatchObject({ architecture: 'arm64', os: 'linux', config: { User: '1' } });
    const layer = join(directory, 'blobs/sha256', manifest.layers[0].digest.slice(7));
    expect((await run('tar', ['-tzf', layer])).split('\n')).toEqual(['./', './etc/', './etc/a', '']);
  });

  it('comes with the list of what is in it, the same for the same', async () => {
    const base = [{ name: 'libc6', version: '2.36-9', purl: 'pkg:deb/debian/libc6@2.36-9' }];
    const materials = [...base, ...(await bundledMaterials())];
    const text = billOfMaterials('toolforge-jobs', materials);
    expect(billOfMaterials('toolforge-jobs', materials)).toBe(text);
    const { packages, spdxVersion } = JSON.parse(text) as { packages: { name: string }[]; spdxVersion: string };
    expect(spdxVersion).toBe('SPDX-2.3');
    const names = packages.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['libc6', 'xstate', 'undici', '@kubernetes/client-node']));
    expect(names).not.toContain('vitest');
  });
});
