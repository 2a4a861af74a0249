/** One real cluster for all flows of a run, in a directory of its own, gone afterwards. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { type Cluster, down, kubectl, up } from '../cluster/cluster.ts';
import { ensurePackages, shellNeeds } from '../cluster/packages.ts';

declare module 'vitest' {
  interface ProvidedContext {
    cluster: Cluster;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stateDir = await mkdtemp(join(tmpdir(), 'toolforge-jobs-flows-'));
  const say = (line: string) => console.error(line);
  await ensurePackages(say, shellNeeds);
  const cluster = await up({ stateDir, onProgress: say });
  project.provide('cluster', cluster);
  return async () => {
    say(`${await startedContainers(cluster)} containers really ran, on Kubernetes ${cluster.version}`);
    await down(stateDir, say);
    await rm(stateDir, { recursive: true, force: true });
  };
}

/** As the kubelet counts them (kubernetes.io, node metrics). */
async function startedContainers(cluster: Cluster): Promise<string> {
  const node = (await kubectl(cluster, ['get', 'nodes', '-o', 'name'])).trim().replace('node/', '');
  const metrics = await kubectl(cluster, ['get', '--raw', `/api/v1/nodes/${node}/proxy/metrics`]);
  return /^kubelet_started_containers_total\{container_type="container"\} (\d+)/m.exec(metrics)?.[1] ?? 'no';
}
