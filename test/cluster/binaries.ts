/**
 * Where etcd and the Kubernetes binaries come from, in order: `KUBEBUILDER_ASSETS`, our cache, the official release, a build from the
 * pinned Go modules in `kubernetes/`. Whatever is fetched or built lands in the cache, each file in one step. The metrics-server, which
 * only some flows need, is in the cache or built from `metrics-server/`.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DownloadOptions, download } from './download.ts';
import { withLock } from './lock.ts';
import { formatElapsed, type Progress, step } from './progress.ts';
import { run } from './run.ts';
import { findGo } from './toolchain.ts';
import type { Binaries, BinaryName } from './versions.ts';
import * as versions from './versions.ts';

interface Source {
  /** Below this directory: that of the Go module. */
  readonly directory: string;
  /** What the linker sets. */
  readonly version: string;
  /** Two cores and an empty cache of modules; seconds with a full one. */
  readonly estimateMs: number;
}

const kubernetes: Source = {
  directory: 'kubernetes',
  version: `k8s.io/component-base/version.gitVersion=${versions.kubernetesVersion}`,
  estimateMs: 8 * 60_000,
};
const metricsServer: Source = {
  directory: 'metrics-server',
  version: `k8s.io/client-go/pkg/version.gitVersion=${versions.metricsServerVersion}`,
  estimateMs: 4 * 60_000,
};

/** Path of every binary. Concurrent callers wait for one download or build. @throws Error with the failed step's log and its path */
export async function findBinaries(progress: Progress): Promise<Binaries> {
  const found: Partial<Record<BinaryName, string>> = await lookInAssets(process.env.KUBEBUILDER_ASSETS, progress);
  const cache = versions.binaryCache();
  if (listMissing(found, cache).length > 0) {
    await withLock(join(versions.cacheRoot(), 'binaries.lock'), () => fillCache(found, cache, progress), progress);
  }
  return Object.fromEntries(versions.binaryNames.map((name) => [name, found[name] ?? join(cache, name)])) as Binaries;
}

/** Path of the metrics-server. Concurrent callers wait for one build. @throws Error with the end of the build's log and its path */
export async function findMetricsServer(progress: Progress): Promise<string> {
  const cache = versions.metricsServerCache();
  const file = join(cache, 'metrics-server');
  const build = async () => {
    if (existsSync(file)) return;
    mkdirSync(cache, { recursive: true });
    await buildFromSource(metricsServer, { 'metrics-server': metricsServerPackage }, cache, progress);
  };
  if (!existsSync(file)) await withLock(join(versions.cacheRoot(), 'binaries.lock'), build, progress);
  return file;
}

function listMissing(found: Partial<Record<BinaryName, string>>, cache: string): BinaryName[] {
  return versions.binaryNames.filter((name) => found[name] === undefined && !existsSync(join(cache, name)));
}

async function fillCache(found: Partial<Record<BinaryName, string>>, cache: string, progress: Progress): Promise<void> {
  mkdirSync(cache, { recursive: true });
  await downloadRelease(listMissing(found, cache), cache, progress);
  const missing = listMissing(found, cache);
  const packages = Object.fromEntries(missing.map((name) => [name, packageOf(name)]));
  if (missing.length > 0) await buildFromSource(kubernetes, packages, cache, progress);
}

/** Only what the directory holds, and only of our minor version: a kubelet may not be newer than its API server. */
async function lookInAssets(
  directory: string | undefined,
  progress: Progress,
): Promise<Partial<Record<BinaryName, string>>> {
  const found: Partial<Record<BinaryName, string>> = {};
  if (directory === undefined || directory === '') return found;
  for (const name of versions.binaryNames.filter((each) => existsSync(join(directory, each)))) {
    const path = join(directory, name);
    const version = await versionOf(name, path);
    const wanted = name === 'etcd' ? versions.etcdVersion : versions.kubernetesVersion;
    const fits = version !== undefined && minorOf(version) === minorOf(wanted);
    progress(
      `KUBEBUILDER_ASSETS: ${name} ${version ?? 'of unknown version'} ${fits ? 'is used' : `is left alone, ${wanted} is needed`}`,
    );
    if (fits) found[name] = path;
  }
  return found;
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

async function versionOf(name: BinaryName, path: string): Promise<string | undefined> {
  try {
    const said = await run(path, name === 'kubectl' ? ['version', '--client'] : ['--version']);
    const number = /(\d+\.\d+\.\d+)/.exec(said)?.[1];
    return number === undefined ? undefined : `v${number}`;
  } catch {
    return undefined;
  }
}

/** Gives up at the first failure: where one file cannot be had the next one cannot either. */
export async function downloadRelease(
  names: readonly BinaryName[],
  cache: string,
  progress: Progress,
  base = 'https://dl.k8s.io/release',
  options: DownloadOptions = {},
): Promise<void> {
  const pinned = versions.releaseChecksums[process.arch] ?? {};
  for (const name of names) {
    const sha256 = pinned[name];
    if (sha256 === undefined) {
      progress(`${name}: no pinned checksum, so it is not downloaded but built`);
      continue;
    }
    const url = `${base}/${versions.kubernetesVersion}/bin/linux/${versions.goArch()}/${name}`;
    try {
      await step(progress, `downloading ${name} ${versions.kubernetesVersion}`, 10_000, () =>
        download(url, join(cache, name), sha256, options),
      );
    } catch (error) {
      progress(`the official release is not to be had here (${(error as Error).message}): building from source`);
      return;
    }
  }
}

/** @param packages by the name of their binary */
async function buildFromSource(
  { directory, version, estimateMs }: Source,
  packages: Readonly<Record<string, string>>,
  cache: string,
  progress: Progress,
): Promise<void> {
  const go = await findGo(progress);
  removeAbandoned(cache);
  const temporary = mkdtempSync(`${cache}.build-`);
  const log = join(versions.cacheRoot(), 'build.log');
  const env = { ...go.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-buildvcs=false -mod=readonly' };
  const flags = ['-trimpath', '-ldflags', `-s -w -X ${version}`];
  const args = ['build', ...flags, '-o', `${temporary}/`, ...Object.values(packages)];
  const cwd = join(dirname(fileURLToPath(import.meta.url)), directory);
  const startedAt = Date.now();
  try {
    const names = Object.keys(packages);
    await step(progress, `building ${names.join(' ')} from source, log ${log}`, estimateMs, () =>
      run(go.file, args, { cwd, env, log }),
    );
    for (const name of names) {
      const built = join(temporary, name === 'etcd' ? 'server' : name);
      chmodSync(built, 0o755);
      renameSync(built, join(cache, name));
    }
    progress(
      `the binaries are in ${cache} (${formatElapsed(Date.now() - startedAt)}); the next start finds them there`,
    );
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** etcd's main package is its server module's root, and go names the file after it. */
function packageOf(name: BinaryName): string {
  return name === 'etcd' ? 'go.etcd.io/etcd/server/v3' : `k8s.io/kubernetes/cmd/${name}`;
}

const metricsServerPackage = 'sigs.k8s.io/metrics-server/cmd/metrics-server';

/** Under the lock nobody else builds, so what is left of a build is a dead one's. */
function removeAbandoned(cache: string): void {
  const prefix = `${cache.slice(cache.lastIndexOf('/') + 1)}.build-`;
  for (const name of readdirSync(dirname(cache)).filter((each) => each.startsWith(prefix))) {
    rmSync(join(dirname(cache), name), { recursive: true, force: true });
  }
}
