/**
 * `npm run image`: the container image of the daemon, without a container engine. Node.js, the three libraries that it needs, and our bundles;
 * no shell, no package manager, no compiler. Equal input gives equal bytes. What is printed is the path of an OCI archive, for
 * `skopeo copy oci-archive:FILE docker://…` or `ctr -n k8s.io images import FILE`. `-- --arch arm64` makes it for machines of another kind than
 * amd64, and `-- --context DIR` what a container engine builds the same of, by our Dockerfile.
 */
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import manifest from '../../package.json' with { type: 'json' };
import { cacheRoot } from '../../test/cluster/versions.ts';
import { repositoryRoot } from '../../test/support/repository-root.ts';
import { type Architecture, isArchitecture, nodeRelease, nodeVersion } from '../node-release.ts';
import { billOfMaterials, type Material } from './bill-of-materials.ts';
import { newestOf, unpackInto, updateLists } from './debian-libraries.ts';
import { type Layer, layerOf, writeArchive } from './oci.ts';

/** What `ldd` says of Node.js. */
const libraries = ['libc6', 'libgcc-s1', 'libstdc++6'] as const;
const nodeName = 'nodejs';
/** Of libraries, nothing but themselves and their licences. */
const unneeded = ['usr/share/lintian', 'usr/share/man', 'usr/share/locale'];
/** What Debian calls the directories of libraries. */
const triplets: Readonly<Record<Architecture, string>> = { amd64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
/** Of the daemon, in the image and in config/manifests. */
export const imageUser = 52_520;

export interface BuiltImage {
  readonly archive: string;
  /** `sha256:…` of its manifest: what a registry will know it by. */
  readonly digest: string;
  readonly bytes: number;
}

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

interface Base {
  readonly layer: Layer;
  readonly materials: readonly Material[];
}

/** Kept between builds, by what is in it; Debian is asked for news only where there is none. */
async function baseLayer(architecture: Architecture): Promise<Base> {
  await mkdir(cacheRoot(), { recursive: true });
  const known = await materialsOfBase(architecture).catch(() => undefined);
  if (known && existsSync(placeOf(known, architecture))) return readBase(known, architecture);
  await updateLists(architecture);
  const materials = await materialsOfBase(architecture);
  if (!existsSync(placeOf(materials, architecture))) await makeBase(materials, architecture);
  return readBase(materials, architecture);
}

async function materialsOfBase(architecture: Architecture): Promise<readonly Material[]> {
  const version = nodeVersion(architecture);
  return [
    ...(await Promise.all(libraries.map((name) => newestOf(name, architecture)))),
    { name: nodeName, version, purl: `pkg:generic/node@${version}?arch=${architecture}` },
  ];
}

function placeOf(materials: readonly Material[], architecture: Architecture): string {
  const versions = materials.map(({ version }) => version.replace(/[^A-Za-z0-9.+-]/g, '_'));
  return join(cacheRoot(), `image-base-${architecture}-${versions.join('-')}`);
}

async function readBase(materials: readonly Material[], architecture: Architecture): Promise<Base> {
  const place = placeOf(materials, architecture);
  const layer = JSON.parse(await readFile(join(place, 'layer.json'), 'utf8')) as Layer;
  return { layer: { ...layer, file: join(place, 'layer.tar.gz') }, materials };
}

async function makeBase(materials: readonly Material[], architecture: Architecture): Promise<void> {
  const place = await mkdtemp(join(cacheRoot(), 'image-base-'));
  try {
    const root = join(place, 'root');
    const wanted = materials.filter(({ name }) => name !== nodeName);
    await unpackInto(place, wanted, architecture);
    const gconv = `usr/lib/${triplets[architecture]}/gconv`;
    for (const path of [...unneeded, gconv]) await rm(join(root, path), { recursive: true, force: true });
    await putAccounts(join(root, 'etc'));
    await putNode(root, architecture);
    const made = join(place, 'made');
    await mkdir(made);
    const layer = await layerOf(root, join(made, 'layer.tar.gz'));
    await writeFile(join(made, 'layer.json'), JSON.stringify(layer));
    await rename(made, placeOf(materials, architecture)).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was faster, with the same.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function putAccounts(etc: string): Promise<void> {
  await mkdir(etc, { recursive: true });
  const account = `jobs:x:${imageUser}:${imageUser}:Toolforge Jobs:/nonexistent:/usr/sbin/nologin`;
  await writeFile(join(etc, 'passwd'), `root:x:0:0:root:/root:/usr/sbin/nologin\n${account}\n`);
  await writeFile(join(etc, 'group'), `root:x:0:\njobs:x:${imageUser}:\n`);
  await writeFile(join(etc, 'nsswitch.conf'), 'hosts: files dns\n');
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
  await writeFile(join(root, 'usr/share/sbom/toolforge-jobs.spdx.json'), await billOfMaterials(materials));
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
    const target = join(repositoryRoot, `dist/toolforge-jobs${suffix}.oci.tar`);
    const { archive, digest, bytes } = await buildImage(target, reference, arch);
    console.log(`${archive}: ${(bytes / 2 ** 20).toFixed(1)} MiB, ${digest}`);
  }
}
