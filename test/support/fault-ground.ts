/**
 * Where fault flows play: daemons before the API server or behind a fault proxy, with tools that no quota or rate holds back. What a test
 * starts ends with it, in reverse order.
 */
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Cluster, kubectl } from '../cluster/cluster.ts';
import { type ApiClient, apiClient } from './api-client.ts';
import { startApiProxy } from './api-proxy.ts';
import { mistakesIn } from './daemon-log.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { jobsPath } from './jobs-path.ts';
import { createSandbox, type Sandbox, until } from './sandbox.ts';
import { isFresh } from './view.ts';

/** How a daemon reaches the API server: itself, or through a proxy that sees bytes or requests (and then by impersonation). */
export type Way = 'direct' | 'bytes' | 'http';

export interface FaultGround {
  readonly bytes: FaultProxy;
  readonly http: FaultProxy;
  /** A daemon that does not run yet. At the end of the test it must have made no mistake. */
  daemon(way: Way): Promise<Sandbox>;
  /** The same, running and connected. At the end of the test it must be alive. */
  running(way: Way): Promise<Sandbox>;
  client(sandbox: Sandbox, tool: string): ApiClient;
  /** Stops the load at the end of the test, if not before. */
  keep<T extends { stop(): Promise<void> }>(load: T): T;
  atEnd(undo: () => unknown): void;
  endTest(): Promise<void>;
  close(): Promise<void>;
}

/** @param tools are added; the first one's list tells whether a daemon is connected */
export async function createFaultGround(
  cluster: Cluster,
  name: string,
  tools: readonly [string, ...string[]],
): Promise<FaultGround> {
  const proxies = { bytes: await startApiProxy(cluster, 'bytes'), http: await startApiProxy(cluster, 'http') };
  const sandboxes = new Map<Way, Sandbox>();
  const undos: (() => unknown)[] = [];

  async function sandboxOf(way: Way): Promise<Sandbox> {
    const found = sandboxes.get(way);
    if (found) return found;
    const made = await createSandbox({
      cluster,
      dir: join(cluster.stateDir, `${name}-${way}`),
      name: `flow-${name}-${way}`,
      settings: { requests_per_second_per_tool: '1000', requests_at_once_per_tool: '64' },
      ...(way === 'direct' ? {} : { server: `https://127.0.0.1:${proxies[way].port}` }),
      ...(way === 'http' ? { actAs: 'impersonation' as const } : {}),
    });
    sandboxes.set(way, made);
    return made;
  }

  const direct = await sandboxOf('direct');
  for (const tool of tools) {
    await direct.addTool(tool);
    await kubectl(cluster, ['delete', 'resourcequota', '--all', '-n', `tool-${tool}`]);
  }

  const ground: FaultGround = {
    ...proxies,
    async daemon(way) {
      const sandbox = await sandboxOf(way);
      undos.push(async () => {
        await sandbox.stop();
        expect(await mistakesIn(sandbox.logFile)).toEqual([]);
      });
      return sandbox;
    },
    async running(way) {
      const sandbox = await ground.daemon(way);
      await sandbox.start();
      undos.push(async () => expect(await sandbox.stop(), 'the daemon lives until it is told to end').toBe(0));
      const client = ground.client(sandbox, tools[0]);
      await until(async () => isFresh(await client.call('GET', jobsPath(tools[0]))), 'the watches are open');
      return sandbox;
    },
    client(sandbox, tool) {
      const client = apiClient(sandbox, tool);
      undos.push(() => client.close());
      return client;
    },
    keep(load) {
      undos.push(load.stop);
      return load;
    },
    atEnd: (undo) => undos.push(undo),
    async endTest() {
      for (const undo of undos.splice(0).reverse()) await undo();
      for (const proxy of Object.values(proxies)) {
        proxy.clearRules();
        proxy.setByteFault(undefined);
      }
    },
    async close() {
      for (const proxy of Object.values(proxies)) await proxy.close();
    },
  };
  return ground;
}
