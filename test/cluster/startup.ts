/** Brings a cluster up from nothing, in the one order that works, and says which part failed when it does not. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { askApi, createObject, isApiReady } from './api.ts';
import { createCgroups } from './cgroups.ts';
import { containerdSocket, pauseImage, writeConfigurations, writePki } from './config.ts';
import { imageArchive } from './image.ts';
import { imageConfigYaml, importedReferences } from './image-list.ts';
import { commandOf, nodeName, type PartName } from './kubernetes.ts';
import { addressesOf, connectNode, freePorts } from './network.ts';
import { startNode } from './node.ts';
import { findBusybox, findPlugins } from './packages.ts';
import { isAlive, startPart } from './processes.ts';
import { type Progress, step } from './progress.ts';
import { logTail, run, waitFor } from './run.ts';
import { cgroupOf, chooseHomesBase, clusterId, logDirectory, type State, saveState } from './state.ts';
import type { Binaries } from './versions.ts';

export interface StartOptions {
  readonly binaries: Binaries;
  readonly durableEtcd: boolean;
}

export function serverOf(state: State): string {
  return `https://127.0.0.1:${state.ports.api}`;
}

/** @throws Error that names the part and quotes the end of its log */
export async function startCluster(stateDir: string, options: StartOptions, progress: Progress): Promise<State> {
  const state = await prepare(stateDir, options);
  const target = { server: serverOf(state), stateDir };
  await step(progress, 'node and certificates', 2_000, async () => {
    state.nodeInit = await startNode(state, join(logDirectory(stateDir), 'node.log'), (part) => {
      state.parts.node = part;
      saveState(state);
    });
    await connectNode(state.nodeInit.pid, (block) => {
      state.block = block;
      saveState(state);
    });
    await writePki(state);
    writeConfigurations(state);
  });
  createCgroups(cgroupOf(stateDir));
  for (const name of ['etcd', 'kube-apiserver', 'containerd'] as const) start(state, name);
  await Promise.all([
    step(progress, 'images', 3_000, () => importImages(state)),
    step(progress, 'etcd and API server', 5_000, () =>
      waitForParts(state, 'the API server', 60_000, () => isApiReady(target)),
    ),
  ]);
  for (const name of ['kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy'] as const)
    start(state, name);
  await createContent(state);
  await step(progress, 'node ready', 8_000, async () => {
    await waitForParts(state, 'the node', 90_000, () => isNodeReady(state));
    await waitForParts(state, 'kube-proxy', 30_000, () => isProxyReady(state));
    await waitForParts(state, 'the controllers', 30_000, () => areControllersReady(state));
  });
  state.phase = 'running';
  saveState(state);
  return state;
}

async function prepare(stateDir: string, options: StartOptions): Promise<State> {
  const plugins = findPlugins();
  if (plugins === undefined) throw new Error('the CNI plugins are gone');
  mkdirSync(stateDir, { recursive: true });
  // Others pass through to homes; what is secret is closed further down.
  chmodSync(stateDir, 0o711);
  const [api = 0, etcd = 0, etcdPeer = 0] = await freePorts(3);
  const state: State = {
    stateDir,
    id: clusterId(stateDir),
    phase: 'starting',
    block: 0,
    ports: { api, etcd, etcdPeer },
    binaries: options.binaries,
    plugins,
    durableEtcd: options.durableEtcd,
    homesBase: chooseHomesBase(stateDir),
    parts: {},
  };
  saveState(state);
  mkdirSync(state.homesBase, { recursive: true, mode: 0o755 });
  return state;
}

/** Starts one part and records it. */
export function start(state: State, name: PartName): void {
  state.parts[name] = startPart(
    name,
    commandOf(state, name),
    join(logDirectory(state.stateDir), `${name}.log`),
    state.stateDir,
  );
  saveState(state);
}

/** Waits for a condition, but not for a part that has died. */
export async function waitForParts(
  state: State,
  what: string,
  timeoutMs: number,
  isSo: () => Promise<boolean>,
): Promise<void> {
  try {
    await waitFor(what, timeoutMs, async () => {
      const dead = Object.values(state.parts).find((part) => !isAlive(part));
      if (dead !== undefined) throw new Error(`${dead.name} has ended`);
      return (await isSo()) ? true : undefined;
    });
  } catch (cause) {
    const dead = Object.values(state.parts).find((part) => !isAlive(part));
    const shown = dead === undefined ? Object.values(state.parts) : [dead];
    const logs = shown.map((part) => `--- end of ${part.log}\n${logTail(part.log, shown.length === 1 ? 25 : 5)}`);
    throw new Error(`${what} did not get ready: ${(cause as Error).message}\n${logs.join('\n')}`, { cause });
  }
}

async function importImages(state: State): Promise<void> {
  const busybox = findBusybox();
  if (busybox === undefined) throw new Error('the static busybox is gone');
  const archive = join(state.stateDir, 'images.tar');
  writeFileSync(archive, imageArchive(busybox, [...importedReferences(), pauseImage]));
  await waitForParts(state, 'containerd', 30_000, () =>
    ctr(state, 'version').then(
      () => true,
      () => false,
    ),
  );
  await importArchive(state, archive);
}

/** @param archive of docker or of OCI */
export async function importArchive(state: State, archive: string): Promise<void> {
  await ctr(state, 'images', 'import', '--snapshotter', 'native', archive);
}

function ctr({ stateDir }: State, ...args: string[]): Promise<string> {
  return run('ctr', ['--address', containerdSocket(stateDir), '--namespace', 'k8s.io', ...args]);
}

async function isNodeReady(state: State): Promise<boolean> {
  const answer = await askApi(
    { server: serverOf(state), stateDir: state.stateDir },
    'GET',
    `/api/v1/nodes/${nodeName}`,
  );
  if (answer.status !== 200) return false;
  const node = JSON.parse(answer.body) as {
    status?: { conditions?: { type: string; status: string }[] };
    spec: { taints?: unknown[] };
  };
  const isReady =
    node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
  return isReady && (node.spec.taints ?? []).length === 0;
}

/** Its health answers 200 once the rules have been written. */
function isProxyReady(state: State): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(`http://${addressesOf(state.block).node}:10256/healthz`, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.setTimeout(2_000, () => request.destroy());
    request.once('error', () => resolve(false));
  });
}

/** The first pods of a namespace need its service account, which a controller makes. */
async function areControllersReady(state: State): Promise<boolean> {
  const path = `/api/v1/namespaces/${publicNamespace}/serviceaccounts/default`;
  return (await askApi({ server: serverOf(state), stateDir: state.stateDir }, 'GET', path)).status === 200;
}

const publicNamespace = 'tf-public';

/** What the product finds in a cluster it did not make: the list of images. */
async function createContent(state: State): Promise<void> {
  const target = { server: serverOf(state), stateDir: state.stateDir };
  await createObject(target, '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: publicNamespace },
  });
  await createObject(target, `/api/v1/namespaces/${publicNamespace}/configmaps`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'image-config', namespace: publicNamespace },
    data: { 'images-v1.yaml': imageConfigYaml() },
  });
}
