/** The lowest layer of an image: packages of Debian, unpacked and never installed, of which only what a program needs to run is kept. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot } from '../../test/cluster/versions.ts';
import type { Architecture } from '../node-release.ts';
import type { Material } from './bill-of-materials.ts';
import { newestOf, unpackInto, updateLists } from './debian-libraries.ts';
import { type Layer, layerOf } from './oci.ts';

export interface LayerPlan {
  /** E.g. `base`: begins the name under which the layer is kept. */
  readonly name: string;
  readonly architecture: Architecture;
  /** Names of packages; asked again after Debian has been asked for news, where it knows none of them. */
  packages(): Promise<readonly string[]>;
  /** Who runs the program, beside root. */
  readonly account: { readonly name: string; readonly id: number; readonly title: string };
  /** What `finish` adds. */
  readonly others: readonly Material[];
  /** Has the unpacked packages, and makes of them what the layer holds. */
  finish(root: string): Promise<void>;
}

export interface DebianLayer {
  readonly layer: Layer;
  readonly materials: readonly Material[];
}

/** Kept between builds, by what is in it; Debian is asked for news only where there is none. */
export async function debianLayer(plan: LayerPlan): Promise<DebianLayer> {
  await mkdir(cacheRoot(), { recursive: true });
  const known = await materialsOf(plan).catch(() => undefined);
  if (known && existsSync(placeOf(plan, known))) return readLayer(plan, known);
  await updateLists(plan.architecture);
  const materials = await materialsOf(plan);
  if (!existsSync(placeOf(plan, materials))) await makeLayer(plan, materials);
  return readLayer(plan, materials);
}

async function materialsOf({ packages, architecture, others }: LayerPlan): Promise<readonly Material[]> {
  return [...(await Promise.all((await packages()).map((name) => newestOf(name, architecture)))), ...others];
}

function placeOf({ name, architecture }: LayerPlan, materials: readonly Material[]): string {
  const versions = materials.map(({ version }) => version.replace(/[^A-Za-z0-9.+-]/g, '_'));
  return join(cacheRoot(), `image-${name}-${architecture}-${versions.join('-')}`);
}

async function readLayer(plan: LayerPlan, materials: readonly Material[]): Promise<DebianLayer> {
  const place = placeOf(plan, materials);
  const layer = JSON.parse(await readFile(join(place, 'layer.json'), 'utf8')) as Layer;
  return { layer: { ...layer, file: join(place, 'layer.tar.gz') }, materials };
}

async function makeLayer(plan: LayerPlan, materials: readonly Material[]): Promise<void> {
  const place = await mkdtemp(join(cacheRoot(), `image-${plan.name}-`));
  try {
    const root = join(place, 'root');
    const packages = materials.filter((material) => !plan.others.includes(material));
    await unpackInto(place, packages, plan.architecture);
    await writeAccounts(root, plan.account);
    await plan.finish(root);
    const made = join(place, 'made');
    await mkdir(made);
    const layer = await layerOf(root, join(made, 'layer.tar.gz'));
    await writeFile(join(made, 'layer.json'), JSON.stringify(layer));
    await rename(made, placeOf(plan, materials)).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was faster, with the same.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function writeAccounts(root: string, { name, id, title }: LayerPlan['account']): Promise<void> {
  await mkdir(join(root, 'etc'), { recursive: true });
  const account = `${name}:x:${id}:${id}:${title}:/nonexistent:/usr/sbin/nologin`;
  await writeFile(join(root, 'etc/passwd'), `root:x:0:0:root:/root:/usr/sbin/nologin\n${account}\n`);
  await writeFile(join(root, 'etc/group'), `root:x:0:\n${name}:x:${id}:\n`);
  await writeFile(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n');
}
