/**
 * A real single-node Kubernetes for tests and for people. Everything it makes is below one state directory or ends with one process;
 * `down` needs nothing but that directory's name.
 */
import { request } from 'node:http';
import { join } from 'node:path';
import { askApi, isApiReady } from './api.ts';
import { findBinaries } from './binaries.ts';
import { describeBrought } from './brought.ts';
import { importedImages } from './image-list.ts';
import { auditLogPath, partNames } from './kubernetes.ts';
import { withLock } from './lock.ts';
import { addressesOf, isFree } from './network.ts';
import { ensurePackages } from './packages.ts';
import { endPart, isAlive, residentBytes } from './processes.ts';
import { formatElapsed, type Progress, silent } from './progress.ts';
import { run, waitFor } from './run.ts';
import { importArchive, serverOf, start, startCluster, waitForParts } from './startup.ts';
import { checkStateDir, defaultStateDir, readState, type State } from './state.ts';
import { tearDown } from './teardown.ts';

/** Plain data: it may be handed to another process as JSON. */
export interface Cluster {
  /** `https://127.0.0.1:PORT` of the API server. */
  readonly server: string;
  /** `gitVersion` of `/version`. */
  readonly version: string;
  readonly stateDir: string;
  /** Certificate (PEM) of the authority that signs the API server's and all client certificates. */
  readonly caFile: string;
  /** Undefined for a brought cluster. */
  readonly caKeyFile: string | undefined;
  readonly adminKubeconfig: string;
  /** Path of the binary. */
  readonly kubectl: string;
  /** This machine as pods see it: daemons and sinks that pods must reach listen here. */
  readonly bridgeAddress: string;
  /** The node as this machine and pods see it: node ports answer here. */
  readonly nodeAddress: string;
  /** Root-owned, 0755, reachable by every user: tool homes live here. */
  readonly homesBase: string;
  /** One JSON object a line (audit.k8s.io/v1 Event, level Metadata); empty for a brought cluster. */
  readonly auditLog: string;
  /** What was imported into containerd, by the names users give. */
  readonly images: readonly { readonly name: string; readonly url: string }[];
  /** False for a brought cluster. */
  readonly owned: boolean;
}

export interface UpOptions {
  /** `$XDG_STATE_HOME/toolforge-jobs/cluster` by default; at most 60 characters. */
  readonly stateDir?: string;
  /** A cluster to use instead of ours; nothing is started then. Never taken from the environment. */
  readonly kubeconfig?: string;
  /** After a failed start everything stays as it is for a look; by default it is taken down and only its logs stay. */
  readonly keep?: boolean;
  readonly onProgress?: Progress;
  /** etcd waits for the disk; by default it does not, which is faster and survives everything but the machine's end. */
  readonly durableEtcd?: boolean;
}

/** Brings a cluster up, or returns the one that already runs in the state directory. One that is not whole is replaced. */
export async function up(options: UpOptions = {}): Promise<Cluster> {
  const progress = options.onProgress ?? silent;
  const stateDir = checkStateDir(options.stateDir ?? defaultStateDir());
  if (options.kubeconfig !== undefined) return await describeBrought(options.kubeconfig, stateDir, progress);
  const startedAt = Date.now();
  await ensurePackages(progress);
  const binaries = await findBinaries(progress);
  const state = await withLock(
    `${stateDir}.lock`,
    async () => {
      const running = readState(stateDir);
      if (running !== undefined && (await isWhole(running))) return running;
      if (running !== undefined) progress(`the cluster in ${stateDir} is not whole: it is replaced`);
      await tearDown(stateDir, running === undefined ? silent : progress);
      try {
        return await startCluster(stateDir, { binaries, durableEtcd: options.durableEtcd ?? false }, progress);
      } catch (error) {
        if (!(options.keep ?? false)) await tearDown(stateDir, progress, { keepLogs: true });
        throw error;
      }
    },
    progress,
  );
  const cluster = await describe(state);
  progress(`cluster up: ${cluster.server}, Kubernetes ${cluster.version}, in ${formatElapsed(Date.now() - startedAt)}`);
  return cluster;
}

/** Takes the cluster down, whoever started it and however that ended. Without a cluster there it does nothing. */
export async function down(stateDir: string, onProgress: Progress = silent): Promise<void> {
  const absolute = checkStateDir(stateDir);
  await withLock(`${absolute}.lock`, () => tearDown(absolute, onProgress), onProgress);
}

export interface PartStatus {
  readonly name: string;
  readonly pid: number;
  readonly alive: boolean;
  readonly residentBytes: number;
}

export interface ClusterStatus {
  /** Every part lives and the API server says it is ready. */
  readonly running: boolean;
  readonly parts: readonly PartStatus[];
  /** Undefined when nothing runs. */
  readonly cluster: Cluster | undefined;
}

/** A cluster that is just being started counts as not running. */
export async function status(stateDir: string): Promise<ClusterStatus> {
  const state = readState(checkStateDir(stateDir));
  if (state === undefined) return { running: false, parts: [], cluster: undefined };
  const parts = Object.values(state.parts).map((part) => ({
    name: part.name,
    pid: part.pid,
    alive: isAlive(part),
    residentBytes: residentBytes(part.pid),
  }));
  const running = await isWhole(state);
  return { running, parts, cluster: running ? await describe(state) : undefined };
}

/** Stops the API server; it stays away until it is started again. Clients see their connections end. */
export async function stopApiServer(cluster: Cluster, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
  const part = ownState(cluster).parts['kube-apiserver'];
  if (part !== undefined) await endPart(part, signal);
}

/** Starts it at the same address; resolves when /readyz answers. */
export async function startApiServer(cluster: Cluster): Promise<void> {
  const state = ownState(cluster);
  const part = state.parts['kube-apiserver'];
  if (part === undefined || !isAlive(part)) {
    // Who was killed keeps the port until the last of its threads has ended.
    await waitFor('its port is free', 20_000, async () => ((await isFree(state.ports.api)) ? true : undefined));
    start(state, 'kube-apiserver');
  }
  await waitForParts(state, 'the API server', 60_000, () => isApiReady(cluster));
}

/** Stops what begins the runs of schedules, among much else; it stays away until it is started again. */
export async function stopControllers(cluster: Cluster): Promise<void> {
  const part = ownState(cluster).parts['kube-controller-manager'];
  if (part !== undefined) await endPart(part, 'SIGKILL');
}

export function startControllers(cluster: Cluster): void {
  start(ownState(cluster), 'kube-controller-manager');
}

/** Resolves when /readyz answers again. */
export async function restartApiServer(cluster: Cluster, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  await stopApiServer(cluster, signal);
  await startApiServer(cluster);
}

/**
 * Makes every resourceVersion up to now too old: what is read or watched from one is answered 410.
 * The history is dropped in etcd, and the API server, which keeps one of its own for watches, is restarted.
 */
export async function compactEtcd(cluster: Cluster): Promise<void> {
  const { ports } = ownState(cluster);
  const { header } = (await askEtcd(ports.etcd, '/v3/kv/range', { key: 'AA==', limit: 1 })) as {
    header: { revision: string };
  };
  await askEtcd(ports.etcd, '/v3/kv/compaction', { revision: header.revision, physical: true });
  await restartApiServer(cluster, 'SIGTERM');
}

/** An image from a file, where a registry would have it. @param archive of docker or of OCI @throws Error for a cluster that is not ours */
export async function importImage(cluster: Cluster, archive: string): Promise<void> {
  await importArchive(ownState(cluster), archive);
}

/** Runs kubectl as administrator and returns what it printed. @throws Error with what it wrote to its error stream */
export async function kubectl(cluster: Cluster, args: readonly string[], input?: string): Promise<string> {
  return await run(
    cluster.kubectl,
    ['--kubeconfig', cluster.adminKubeconfig, ...args],
    input === undefined ? {} : { input },
  );
}

function ownState(cluster: Cluster): State {
  const state = readState(cluster.stateDir);
  if (state === undefined || !cluster.owned) throw new Error(`the cluster at ${cluster.server} is not ours to stop`);
  return state;
}

async function isWhole(state: State): Promise<boolean> {
  if (state.phase !== 'running') return false;
  const isComplete = ['node', ...partNames].every((name) => {
    const part = state.parts[name];
    return part !== undefined && isAlive(part);
  });
  return isComplete && (await isApiReady({ server: serverOf(state), stateDir: state.stateDir }));
}

async function describe(state: State): Promise<Cluster> {
  const server = serverOf(state);
  const answer = await askApi({ server, stateDir: state.stateDir }, 'GET', '/version');
  const addresses = addressesOf(state.block);
  return {
    server,
    version: (JSON.parse(answer.body) as { gitVersion: string }).gitVersion,
    stateDir: state.stateDir,
    caFile: join(state.stateDir, 'pki/ca.crt'),
    caKeyFile: join(state.stateDir, 'pki/ca.key'),
    adminKubeconfig: join(state.stateDir, 'pki/admin.kubeconfig'),
    kubectl: state.binaries.kubectl,
    bridgeAddress: addresses.host,
    nodeAddress: addresses.node,
    homesBase: state.homesBase,
    auditLog: auditLogPath(state.stateDir),
    images: importedImages(),
    owned: true,
  };
}

/** etcd's JSON gateway (etcd.io, "gRPC gateway"): keys are base64, numbers are strings. */
function askEtcd(port: number, path: string, body: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, method: 'POST', agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`etcd ${path}: ${response.statusCode} ${text}`));
      });
    });
    outgoing.once('error', reject);
    outgoing.end(JSON.stringify(body));
  });
}
