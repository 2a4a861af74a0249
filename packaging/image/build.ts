/**
 * `npm run image`: the container image of the daemon, without a container engine. Node.js, the three libraries that it needs, and our bundles;
 * no shell, no package manager, no compiler. Equal input gives equal bytes. What is printed is the path of an OCI archive, for
 * `skopeo copy oci-archive:FILE docker://…` or `ctr -n k8s.io images import FILE`.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { run } from '../../test/cluster/run.ts';
import { cacheRoot } from '../../test/cluster/versions.ts';
import { repositoryRoot } from '../../test/support/repository-root.ts';
import { nodeRelease, nodeVersion } from '../node-release.ts';
import { billOfMaterials, type Material } from './bill-of-materials.ts';
import { type Layer, layerOf, writeArchive } from './oci.ts';

/** What `ldd` says of Node.js. */
const libraries = ['libc6', 'libgcc-s1', 'libstdc++6'] as const;
/** Of libraries, nothing but themselves and their licences. */
const unneeded = ['usr/share/lintian', 'usr/share/man', 'usr/share/locale', 'usr/lib/x86_64-linux-gnu/gconv'];
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
export async function buildImage(target: string, reference: string): Promise<BuiltImage> {
  if (process.arch !== 'x64') throw new Error(`The image is made for amd64 only; this machine is ${process.arch}.`);
  const base = await baseLayer();
  const place = await mkdtemp(join(cacheRoot(), 'image-'));
  try {
    const ours = await layerOf(await ownFiles(join(place, 'app'), base.materials), join(place, 'app.tar.gz'));
    const layers: readonly Layer[] = [base.layer, ours];
    return await writeArchive(target, { reference, layers, config: imageConfig() });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

function imageConfig() {
  return {
    User: `${imageUser}:${imageUser}`,
    WorkingDir: '/',
    Env: ['NODE_ENV=production'],
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
async function baseLayer(): Promise<Base> {
  await mkdir(cacheRoot(), { recursive: true });
  const known = await materialsOfBase().catch(() => undefined);
  if (known && existsSync(placeOf(known))) return readBase(known);
  await run('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', 'update']);
  const materials = await materialsOfBase();
  if (!existsSync(placeOf(materials))) await makeBase(materials);
  return readBase(materials);
}

async function materialsOfBase(): Promise<readonly Material[]> {
  return [...(await Promise.all(libraries.map(candidateOf))), nodeMaterial];
}

function placeOf(materials: readonly Material[]): string {
  const versions = materials.map(({ version }) => version.replace(/[^A-Za-z0-9.+-]/g, '_'));
  return join(cacheRoot(), `image-base-${versions.join('-')}`);
}

async function readBase(materials: readonly Material[]): Promise<Base> {
  const layer = JSON.parse(await readFile(join(placeOf(materials), 'layer.json'), 'utf8')) as Layer;
  return { layer: { ...layer, file: join(placeOf(materials), 'layer.tar.gz') }, materials };
}

async function makeBase(materials: readonly Material[]): Promise<void> {
  const place = await mkdtemp(join(cacheRoot(), 'image-base-'));
  try {
    await unpackLibraries(place, materials);
    await putNode(join(place, 'root'));
    const made = join(place, 'made');
    await mkdir(made);
    const layer = await layerOf(join(place, 'root'), join(made, 'layer.tar.gz'));
    await writeFile(join(made, 'layer.json'), JSON.stringify(layer));
    await rename(made, placeOf(materials)).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was faster, with the same.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

const nodeMaterial: Material = { name: 'nodejs', version: nodeVersion, purl: `pkg:generic/node@${nodeVersion}` };

async function candidateOf(name: string): Promise<Material> {
  const text = await run('apt-cache', ['show', '--no-all-versions', name]);
  const version = /^Version: (\S+)$/m.exec(text)?.[1];
  if (!version) throw new Error(`No version of the Debian package ${name} is known.`);
  return { name, version, purl: `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}` };
}

async function unpackLibraries(place: string, materials: readonly Material[]): Promise<void> {
  const wanted = materials.filter(({ name }) => name !== nodeMaterial.name);
  await run('apt-get', ['-q', 'download', ...wanted.map(({ name, version }) => `${name}=${version}`)], { cwd: place });
  const root = join(place, 'root');
  for (const file of await readdir(place)) {
    if (file.endsWith('.deb')) await run('dpkg-deb', ['-x', join(place, file), root]);
  }
  for (const path of unneeded) await rm(join(root, path), { recursive: true, force: true });
  await mkdir(join(root, 'etc'), { recursive: true });
  const account = `jobs:x:${imageUser}:${imageUser}:Toolforge Jobs:/nonexistent:/usr/sbin/nologin`;
  await writeFile(join(root, 'etc/passwd'), `root:x:0:0:root:/root:/usr/sbin/nologin\n${account}\n`);
  await writeFile(join(root, 'etc/group'), `root:x:0:\njobs:x:${imageUser}:\n`);
  await writeFile(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n');
}

async function putNode(root: string): Promise<void> {
  const { bin, licence } = await nodeRelease();
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
  const target = join(repositoryRoot, 'dist/toolforge-jobs.oci.tar');
  const { archive, digest, bytes } = await buildImage(target, `toolforge-jobs:${manifest.version}`);
  console.log(`${archive}: ${(bytes / 2 ** 20).toFixed(1)} MiB, ${digest}`);
}
