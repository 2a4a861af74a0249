/** What all flows of a run share: the programs that they need, and a directory for their clusters, which are gone afterwards. */
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findBinaries, findMetricsServer } from '../cluster/binaries.ts';
import { type Cluster, down, kubectl, status } from '../cluster/cluster.ts';
import { ensurePackages, shellNeeds } from '../cluster/packages.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Directory that holds those of the clusters, one for each worker that has needed one (flow-cluster.ts). */
    clusters: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const say = (line: string) => console.error(line);
  // Here, where nothing limits the time, and not in the first flow: on a new machine this takes minutes.
  await ensurePackages(say);
  await ensurePackages(say, shellNeeds);
  await findBinaries(say);
  await findMetricsServer(say);
  const clusters = await mkdtemp(join(tmpdir(), 'toolforge-jobs-flows-'));
  // Programs of the flows run as other users below it.
  await chmod(clusters, 0o755);
  project.provide('clusters', clusters);
  return async () => {
    const stateDirs = (await readdir(clusters)).map((name) => join(clusters, name));
    for (const line of await closingLines(stateDirs)) say(line);
    for (const stateDir of stateDirs) await down(stateDir, say);
    await rm(clusters, { recursive: true, force: true });
  };
}

async function closingLines(stateDirs: readonly string[]): Promise<string[]> {
  const running = (await Promise.all(stateDirs.map(status))).flatMap(({ cluster }) => cluster ?? []);
  const [first] = running;
  if (!first) return [];
  const started = (await Promise.all(running.map(startedContainers))).reduce((sum, each) => sum + each, 0);
  return [`${started} containers really ran, on Kubernetes ${first.version}`];
}

/** As the kubelet counts them (kubernetes.io, node metrics). */
async function startedContainers(cluster: Cluster): Promise<number> {
  const node = (await kubectl(cluster, ['get', 'nodes', '-o', 'name'])).trim().replace('node/', '');
  const metrics = await kubectl(cluster, ['get', '--raw', `/api/v1/nodes/${node}/proxy/metrics`]);
  return Number(/^kubelet_started_containers_total\{container_type="container"\} (\d+)/m.exec(metrics)?.[1] ?? 0);
}
