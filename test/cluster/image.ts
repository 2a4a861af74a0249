/** A container image made of busybox alone, as a docker archive that `ctr images import` reads. No registry is involved. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { goArch } from './versions.ts';

type Member =
  | { readonly path: string; readonly type: 'directory'; readonly mode: number }
  | { readonly path: string; readonly type: 'link'; readonly to: string }
  | { readonly path: string; readonly type: 'file'; readonly mode: number; readonly body: Buffer };

const typeFlags = { file: '0', link: '2', directory: '5' } as const;

/** One header of the ustar format: POSIX.1-1988, tar(5). Owner is root, the time is the epoch, so that equal input gives equal bytes. */
function header(member: Member): Buffer {
  const block = Buffer.alloc(512);
  const octal = (value: number, length: number) => value.toString(8).padStart(length - 1, '0');
  block.write(member.path, 0, 100);
  block.write(octal(member.type === 'link' ? 0o777 : member.mode, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(member.type === 'file' ? member.body.length : 0, 12), 124);
  block.write(octal(0, 12), 136);
  block.write('        ', 148);
  block.write(typeFlags[member.type], 156);
  if (member.type === 'link') block.write(member.to, 157, 100);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 7)}\0 `, 148);
  return block;
}

/** A tar archive; names of up to 100 bytes. */
export function tar(members: readonly Member[]): Buffer {
  const blocks = members.flatMap((member) => {
    if (member.type !== 'file') return [header(member)];
    return [header(member), member.body, Buffer.alloc((512 - (member.body.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/** busybox under the name of each of its programs, and the two scripts that jobs expect from bigger images. */
function userLand(busybox: string): Buffer {
  const programs = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  const directory = (path: string, mode = 0o755): Member => ({ path, type: 'directory', mode });
  const file = (path: string, text: string, mode = 0o644): Member => ({
    path,
    type: 'file',
    mode,
    body: Buffer.from(text),
  });
  return tar([
    ...['bin/', 'etc/', 'usr/', 'var/', 'root/', 'data/', 'data/project/', 'proc/', 'sys/', 'dev/'].map((path) =>
      directory(path),
    ),
    directory('tmp/', 0o1777),
    directory('var/tmp/', 0o1777),
    { path: 'bin/busybox', type: 'file', mode: 0o755, body: readFileSync(busybox) },
    ...programs
      .filter((name) => name !== 'busybox')
      .map((name): Member => ({ path: `bin/${name}`, type: 'link', to: 'busybox' })),
    ...['sbin', 'usr/bin', 'usr/sbin'].map((path): Member => ({ path, type: 'link', to: '/bin' })),
    file('bin/bash', '#!/bin/sh\nexec /bin/sh "$@"\n', 0o755),
    file('bin/launcher', '#!/bin/sh\nexec "$@"\n', 0o755),
    file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n'),
    file('etc/group', 'root:x:0:\nnogroup:x:65534:\n'),
  ]);
}

/**
 * A docker archive that holds one image per reference, all with the same layer. Each has a label of its own, and so an id of its own:
 * otherwise the kubelet may report a pod's image under another of its names.
 */
export function imageArchive(busybox: string, references: readonly string[]): Buffer {
  const layer = userLand(busybox);
  const layerPath = `${sha256(layer)}.tar`;
  const images = references.map((reference) => {
    const config = Buffer.from(
      JSON.stringify({
        architecture: goArch(),
        os: 'linux',
        config: { Env: ['PATH=/bin'], Cmd: ['/bin/sleep', '2147483647'], WorkingDir: '/', Labels: { reference } },
        rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
        history: [{ created: '1970-01-01T00:00:00Z', created_by: 'busybox' }],
      }),
    );
    return { reference, config, path: `${sha256(config)}.json` };
  });
  const manifest = images.map((image) => ({ Config: image.path, RepoTags: [image.reference], Layers: [layerPath] }));
  return tar([
    { path: layerPath, type: 'file', mode: 0o644, body: layer },
    ...images.map((image): Member => ({ path: image.path, type: 'file', mode: 0o644, body: image.config })),
    { path: 'manifest.json', type: 'file', mode: 0o644, body: Buffer.from(JSON.stringify(manifest)) },
  ]);
}
