/**
 * Size of the daemon's image, and its start: from the start of a process in the image's own file system, in namespaces of its own, to ready,
 * against the same bundle as a plain process of the same Node.js. Both read the same start-up file, one after the other.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { buildImage } from '../../packaging/image/build.ts';
import { architectureHere, nodeRelease } from '../../packaging/node-release.ts';
import { run } from '../cluster/run.ts';
import { repositoryRoot } from '../support/repository-root.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { median, type Row } from './measure.ts';

const rounds = 5;
const goalMiB = 64;
const goalRatio = 1.25;
/** Where the image looks for its start-up file. */
const configInImage = '/etc/toolforge-jobs/jobsd.yaml';

/** @param sandbox whose daemon does not run */
export async function measureImage(sandbox: Sandbox): Promise<Row[]> {
  const { archive, bytes } = await buildImage(join(sandbox.dir, 'image.oci.tar'), 'toolforge-jobs:bench');
  const root = await unpackImage(archive, join(sandbox.dir, 'image'));
  const config = join(sandbox.dir, 'jobsd.yaml');
  await prepareMounts(root);
  const { bin } = await nodeRelease(architectureHere());
  const times = { image: [] as number[], process: [] as number[] };
  for (let round = 0; round <= rounds; round += 1) {
    const inImage = await startAndStop(sandbox, 'unshare', namespaceWords(root, config, sandbox.cluster.stateDir));
    const words = [join(repositoryRoot, 'dist/jobsd.js'), '--config', config];
    const asProcess = await startAndStop(sandbox, join(bin, 'node'), words);
    // The first of each reads files that no cache has yet.
    if (round === 0) continue;
    times.image.push(inImage);
    times.process.push(asProcess);
  }
  const [ours, anchor] = [median(times.image), median(times.process)];
  const mebibytes = bytes / 2 ** 20;
  return [
    {
      what: `image of the daemon: size in a registry, against ${goalMiB} MiB`,
      ours: `${mebibytes.toFixed(1)} MiB`,
      anchor: `${goalMiB} MiB`,
      ratio: mebibytes / goalMiB,
      goal: '≤ 1.00',
      met: mebibytes <= goalMiB,
    },
    {
      what: 'image of the daemon: start to ready, against the bundle as a plain process',
      ours: `${Math.round(ours)} ms`,
      anchor: `${Math.round(anchor)} ms`,
      ratio: ours / anchor,
      goal: `≤ ${goalRatio}`,
      met: ours / anchor <= goalRatio,
    },
  ];
}

/** @returns the root of its file system */
async function unpackImage(archive: string, place: string): Promise<string> {
  const root = join(place, 'root');
  await mkdir(root, { recursive: true });
  await run('tar', ['-xf', archive, '-C', place]);
  const blob = (digest: string) => join(place, 'blobs', digest.replace(':', '/'));
  const read = async (file: string) => JSON.parse(await readFile(file, 'utf8'));
  const index = (await read(join(place, 'index.json'))) as { manifests: { digest: string }[] };
  const { layers } = (await read(blob(index.manifests[0]?.digest ?? ''))) as { layers: { digest: string }[] };
  for (const { digest } of layers) await run('tar', ['-xzf', blob(digest), '-C', root]);
  return root;
}

async function prepareMounts(root: string): Promise<void> {
  for (const path of ['dev', 'proc', 'tmp']) await mkdir(join(root, path), { recursive: true });
  await mkdir(join(root, dirname(configInImage)), { recursive: true });
  await writeFile(join(root, configInImage), '');
}

/** For `unshare`: what a container runtime mounts, then the program of the image. `stateDir`: where files that the start-up file names lie. */
function namespaceWords(root: string, config: string, stateDir: string): string[] {
  const script = [
    'mkdir -p "$1$3"',
    'mount --rbind /dev "$1/dev"',
    'mount -t proc proc "$1/proc"',
    'mount --bind "$3" "$1$3"',
    `mount --bind "$2" "$1${configInImage}"`,
    `exec chroot "$1" /usr/bin/node /app/jobsd.js --config ${configInImage}`,
  ];
  const apart = ['--mount', '--pid', '--ipc', '--uts', '--fork', '--kill-child'];
  return [...apart, 'sh', '-ec', script.join('\n'), 'start', root, config, stateDir];
}

async function startAndStop(sandbox: Sandbox, program: string, words: readonly string[]): Promise<number> {
  const from = performance.now();
  const env = { PATH: process.env.PATH, NODE_ENV: 'production' };
  const child: ChildProcess = spawn(program, words, { stdio: ['ignore', 'ignore', 'inherit'], env });
  const gone = once(child, 'exit');
  while (!(await sandbox.ready())) {
    if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}`);
    if (performance.now() - from > 30_000) throw new Error('the daemon is not ready after 30 s');
    await pause(2);
  }
  const taken = performance.now() - from;
  // unshare hears of nothing else, and takes the daemon with it.
  child.kill('SIGKILL');
  await gone;
  while (await sandbox.ready()) await pause(2);
  return taken;
}
