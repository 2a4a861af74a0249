/**
 * `npm run image`: the container image of the daemon, without a container engine. Node.js, the three libraries that it needs, and our bundles;
 * no shell, no package manager, no compiler; and beside it that of nginx (nginx.ts). Equal input gives equal bytes. What is printed are the
 * paths of OCI archives, for `skopeo copy oci-archive:FILE docker://…` or `ctr -n k8s.io images import FILE`. `-- --arch arm64` makes them for
 * machines of another kind than amd64, and `-- --context DIR` what a container engine builds that of the daemon of, by our Dockerfile.
 */
import { copyFile, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import manifest from '../../package.json' with { type: 'json' };
import { cacheRoot } from '../../test/cluster/versions.ts';
import { repositoryRoot } from '../../test/support/repository-root.ts';
import { type Architecture, isArchitecture, nodeRelease, nodeVersion } from '../node-release.ts';
import { billOfMaterials, bundledMaterials, type Material } from './bill-of-materials.ts';
import { type DebianLayer, debianLayer } from './debian-layer.ts';
import { buildNginxImage } from './nginx.ts';
import { type BuiltImage, type Layer, layerOf, writeArchive } from './oci.ts';

/** What `ldd` says of Node.js. */
const libraries = ['libc6', 'libgcc-s1', 'libstdc++6'] as const;
/** Of libraries, nothing but themselves and their licences. */
const unneeded = ['usr/share/lintian', 'usr/share/man', 'usr/share/locale'];
/** What Debian calls the directories of libraries. */
const triplets: Readonly<Record<Architecture, string>> = { amd64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
/** Of the daemon, in the image and in config/manifests. */
export const imageUser = 52_520;

/**
 * @param target where the archive is written
 * @param reference as a cluster will name it, e.g. `registry.example.org/toolforge-jobs:0.1.0`
 */
export async function buildImage(
  target: string,
  reference: string,
  architecture: Architecture = 'amd64',
): Promise<BuiltImage> {
  return withLayers(architecture, (layers) =>
    writeArchive(target, { reference, architecture, layers, config: imageConfig() }),
  );
}

/** The directory in which a container engine builds the image. */
export async function writeContext(directory: string, architecture: Architecture = 'amd64'): Promise<void> {
  await mkdir(directory, { recursive: true });
  await withLayers(architecture, async ([base, own]) => {
    await copyFile(base.file, join(directory, 'base.tar.gz'));
    await copyFile(own.file, join(directory, 'app.tar.gz'));
  });
  await copyFile(join(repositoryRoot, 'packaging/image/Dockerfile'), join(directory, 'Dockerfile'));
}

/** @param use may take them for as long as it lasts */
async function withLayers<T>(
  architecture: Architecture,
  use: (layers: readonly [base: Layer, own: Layer]) => Promise<T>,
): Promise<T> {
  const base = await baseLayer(architecture);
  const place = await mkdtemp(join(cacheRoot(), 'image-'));
  try {
    const own = await layerOf(await ownFiles(join(place, 'app'), base.materials), join(place, 'app.tar.gz'));
    return await use([base.layer, own]);
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** What the Dockerfile says as well. */
export function imageConfig() {
  return {
    User: `${imageUser}:${imageUser}`,
    WorkingDir: '/',
    // The first one is what builders give to every image.
    Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'NODE_ENV=production'],
    Entrypoint: ['/usr/bin/node', '/app/jobsd.js'],
    Cmd: ['--config', '/etc/toolforge-jobs/jobsd.yaml'],
    StopSignal: 'SIGTERM',
    Labels: {
      'org.opencontainers.image.title': manifest.name,
      'org.opencontainers.image.description': manifest.description,
      'org.opencontainers.image.version': manifest.version,
      'org.opencontainers.image.licenses': manifest.license,
    },
  };
}

function baseLayer(architecture: Architecture): Promise<DebianLayer> {
  const version = nodeVersion(architecture);
  return debianLayer({
    name: 'base',
    architecture,
    packages: async () => libraries,
    account: { name: 'jobs', id: imageUser, title: 'Toolforge Jobs' },
    others: [{ name: 'nodejs', version, purl: `pkg:generic/node@${version}?arch=${architecture}` }],
    finish: async (root) => {
      const gconv = `usr/lib/${triplets[architecture]}/gconv`;
      for (const path of [...unneeded, gconv]) await rm(join(root, path), { recursive: true, force: true });
      await putNode(root, architecture);
    },
  });
}

async function putNode(root: string, architecture: Architecture): Promise<void> {
  const { bin, licence } = await nodeRelease(architecture);
  await mkdir(join(root, 'usr/bin'), { recursive: true });
  await mkdir(join(root, 'usr/share/doc/nodejs'), { recursive: true });
  await cp(join(bin, 'node'), join(root, 'usr/bin/node'));
  await cp(licence, join(root, 'usr/share/doc/nodejs/copyright'));
}

/** What `npm run build` made for the daemon's side, and the list of everything that is in the image. */
async function ownFiles(root: string, materials: readonly Material[]): Promise<string> {
  const dist = join(repositoryRoot, 'dist');
  const isOurs = /^(jobsd|admin|home-reader|home-readers|daemon-[\w-]+)\.js$/;
  const names = (await readdir(dist)).filter((name) => isOurs.test(name));
  if (!names.includes('jobsd.js')) throw new Error('dist/ has no jobsd.js: `npm run build` first.');
  await mkdir(join(root, 'app'), { recursive: true });
  for (const name of names) await cp(join(dist, name), join(root, 'app', name));
  // What says that these are modules.
  await writeFile(join(root, 'app/package.json'), '{"type":"module"}\n');
  await mkdir(join(root, 'usr/share/sbom'), { recursive: true });
  const list = billOfMaterials(manifest.name, [...materials, ...(await bundledMaterials())]);
  await writeFile(join(root, 'usr/share/sbom/toolforge-jobs.spdx.json'), list);
  return root;
}

if (process.argv[1]?.endsWith('packaging/image/build.ts')) {
  const { values } = parseArgs({
    options: { arch: { type: 'string', default: 'amd64' }, context: { type: 'string' } },
  });
  const { arch, context } = values;
  if (!isArchitecture(arch)) throw new Error(`--arch is amd64 or arm64, not ${arch}.`);
  const reference = `toolforge-jobs:${manifest.version}`;
  if (context !== undefined) {
    await writeContext(context, arch);
    const platform = `--platform linux/${arch} --build-arg VERSION=${manifest.version}`;
    console.log(`buildah build ${platform} --tag ${reference} ${context}`);
  } else {
    const suffix = arch === 'amd64' ? '' : `-${arch}`;
    const target = (name: string) => join(repositoryRoot, `dist/${name}${suffix}.oci.tar`);
    const front = `toolforge-jobs-nginx:${manifest.version}`;
    const made = [
      await buildImage(target('toolforge-jobs'), reference, arch),
      await buildNginxImage(target('toolforge-jobs-nginx'), front, arch),
    ];
    for (const { archive, digest, bytes } of made)
      console.log(`${archive}: ${(bytes / 2 ** 20).toFixed(1)} MiB, ${digest}`);
  }
}
