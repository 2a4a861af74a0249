/** The container image of nginx, Debian's, for the front in the pod of the daemon (config/manifests/components/nginx): nginx, its libraries, no shell. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot } from '../../test/cluster/versions.ts';
import type { Architecture } from '../node-release.ts';
import { billOfMaterials, type Material } from './bill-of-materials.ts';
import { debianLayer } from './debian-layer.ts';
import { librariesOf } from './debian-libraries.ts';
import { type BuiltImage, layerOf, writeArchive } from './oci.ts';

/** As Debian has it (base-passwd), for the same user as on a machine. */
const wwwData = 33;
/** Of all that is unpacked: the program, what it is linked with, and the licences. */
const needed = /^usr\/sbin\/nginx$|^usr\/share\/doc\/[^/]+\/copyright$|^(usr\/)?lib(64)?\/(.*\/)?[^/]+\.so(\.[\d.]+)?$/;
const unneeded = /\/(gconv|engines-3|ossl-modules|security)\//;

/** @param reference as a cluster will name it, e.g. `registry.example.org/toolforge-jobs-nginx:0.1.0` */
export async function buildNginxImage(
  target: string,
  reference: string,
  architecture: Architecture = 'amd64',
): Promise<BuiltImage> {
  const { layer, materials } = await debianLayer({
    name: 'nginx',
    architecture,
    packages: async () => ['nginx', ...(await librariesOf('nginx', architecture))],
    account: { name: 'www-data', id: wwwData, title: 'www-data' },
    others: [],
    finish: prune,
  });
  const place = await mkdtemp(join(cacheRoot(), 'image-'));
  try {
    const list = await layerOf(await listOf(join(place, 'list'), materials), join(place, 'list.tar.gz'));
    const config = {
      User: `${wwwData}:${wwwData}`,
      WorkingDir: '/',
      // Before the configuration is read, its own log would be a file.
      Entrypoint: ['/usr/sbin/nginx', '-e', 'stderr'],
      Cmd: ['-c', '/etc/nginx/nginx.conf'],
      // Ends the answers that are under way.
      StopSignal: 'SIGQUIT',
    };
    return await writeArchive(target, { reference, architecture, layers: [layer, list], config });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function prune(root: string): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name).slice(root.length + 1);
    const isKept = path.startsWith('etc/') ? /^etc\/(passwd|group|nsswitch\.conf)$/.test(path) : needed.test(path);
    if (!entry.isDirectory() && (!isKept || unneeded.test(path))) await rm(join(root, path));
  }
}

async function listOf(root: string, materials: readonly Material[]): Promise<string> {
  const directory = join(root, 'usr/share/sbom');
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'nginx.spdx.json'), billOfMaterials('toolforge-jobs-nginx', materials));
  return root;
}
