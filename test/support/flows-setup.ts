/** One real cluster for all flows of a run; TOOLFORGE_JOBS_TEST_KUBECONFIG names one to use instead (nothing is started then). */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { type Cluster, down, up } from '../cluster/cluster.ts';

declare module 'vitest' {
  interface ProvidedContext {
    cluster: Cluster;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const brought = process.env['TOOLFORGE_JOBS_TEST_KUBECONFIG'];
  const stateDir = await mkdtemp(join(tmpdir(), 'toolforge-jobs-flows-'));
  const say = (line: string) => console.error(line);
  const cluster = await up({ stateDir, onProgress: say, ...(brought ? { kubeconfig: brought } : {}) });
  project.provide('cluster', cluster);
  return async () => {
    if (cluster.owned) await down(stateDir, say);
    await rm(stateDir, { recursive: true, force: true });
  };
}
