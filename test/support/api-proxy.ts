/**
 * The fault proxy before the API server of a cluster of ours. At the byte level everybody's own certificate passes through. At the HTTP
 * level TLS ends here, so only what stands in headers is passed on: the daemon's token, with impersonation of the tools.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { type FaultProxy, type SeenRequest, startFaultProxy } from './fault-proxy.ts';

export function startApiProxy(cluster: Cluster, level: 'bytes' | 'http'): Promise<FaultProxy> {
  const { hostname: host, port } = new URL(cluster.server);
  const target = { host, port: Number(port) };
  if (level === 'bytes') return startFaultProxy({ target });
  const pki = (name: string) => readFileSync(join(dirname(cluster.caFile), name), 'utf8');
  return startFaultProxy({
    target,
    tls: { cert: pki('apiserver.crt'), key: pki('apiserver.key'), ca: readFileSync(cluster.caFile, 'utf8') },
  });
}

/** Collections the daemon follows. */
export const watchedPaths = [
  '/api/v1/pods',
  '/apis/batch/v1/jobs',
  '/apis/batch/v1/cronjobs',
  '/apis/apps/v1/deployments',
] as const;

export type WatchedPath = (typeof watchedPaths)[number];

/** The daemon's own watch of one kind, or of any. */
export function isWatch({ method, url }: SeenRequest, path?: WatchedPath): boolean {
  return method === 'GET' && isOf(url, path) && url.includes('watch=true');
}

/** The first page of a LIST of one kind, or of any, over the whole cluster; a page of one object is only a question for the version. */
export function isList({ method, url }: SeenRequest, path?: WatchedPath): boolean {
  const isQuestion = /[?&]limit=1(&|$)/.test(url);
  return method === 'GET' && isOf(url, path) && !isQuestion && !/watch=true|continue=/.test(url);
}

function isOf(url: string, path: WatchedPath | undefined): boolean {
  return watchedPaths.some((one) => (path ?? one) === one && url.startsWith(`${one}?`));
}
