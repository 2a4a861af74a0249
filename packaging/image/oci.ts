/** An image as the Open Container Initiative has it (image-spec: layout, manifest, configuration), in one archive. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { run } from '../../test/cluster/run.ts';

export interface Layer {
  /** Compressed. */
  readonly file: string;
  readonly digest: string;
  readonly size: number;
  /** Of what is in it. */
  readonly diffId: string;
}

/** Owner, times and order say nothing of the machine that makes it. */
const sameEverywhere = [
  ...['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=go-w'],
  ...['--format=posix', '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime'],
];

/**
 * @param root what the layer holds
 * @param file where it is written
 */
export async function layerOf(root: string, file: string): Promise<Layer> {
  const plain = `${file}.plain`;
  await run('tar', [...sameEverywhere, '-C', root, '-cf', plain, '.']);
  // gzip(1) would write the time.
  await pipeline(createReadStream(plain), createGzip({ level: 6 }), createWriteStream(file));
  const [digest, diffId] = await Promise.all([digestOf(file), digestOf(plain)]);
  await rm(plain);
  return { file, digest, size: (await stat(file)).size, diffId };
}

export interface Image {
  readonly reference: string;
  /** As Go and Debian name it, e.g. `amd64`. */
  readonly architecture: string;
  readonly layers: readonly Layer[];
  /** The part of the configuration that a container runs by. */
  readonly config: object;
}

export interface BuiltImage {
  readonly archive: string;
  /** `sha256:…` of its manifest: what a registry will know it by. */
  readonly digest: string;
  readonly bytes: number;
}

export async function writeArchive(
  archive: string,
  { reference, architecture, layers, config }: Image,
): Promise<BuiltImage> {
  await mkdir(dirname(archive), { recursive: true });
  const layout = await mkdtemp(`${archive}-`);
  try {
    const blobs = join(layout, 'blobs/sha256');
    await mkdir(blobs, { recursive: true });
    const put = async (mediaType: string, value: object) => {
      const text = JSON.stringify(value);
      const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
      await writeFile(join(blobs, digest.slice(7)), text);
      return { mediaType, digest, size: Buffer.byteLength(text) };
    };
    for (const { file, digest } of layers) await copyFile(file, join(blobs, digest.slice(7)));
    const configuration = await put('application/vnd.oci.image.config.v1+json', {
      created: '1970-01-01T00:00:00Z',
      architecture,
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map(() => ({ created: '1970-01-01T00:00:00Z', created_by: 'npm run image' })),
    });
    const manifestType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = await put(manifestType, {
      schemaVersion: 2,
      mediaType: manifestType,
      config: configuration,
      layers: layers.map(({ digest, size }) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest,
        size,
      })),
    });
    const annotations = {
      'io.containerd.image.name': reference,
      'org.opencontainers.image.ref.name': reference.split(':').at(-1) ?? 'latest',
    };
    await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
    await writeFile(join(layout, 'index.json'), JSON.stringify(index));
    await run('tar', [...sameEverywhere, '-C', layout, '-cf', archive, 'oci-layout', 'index.json', 'blobs']);
    return { archive, digest: manifest.digest, bytes: (await stat(archive)).size };
  } finally {
    await rm(layout, { recursive: true, force: true });
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return `sha256:${hash.digest('hex')}`;
}
