/**
 * A real metrics-server for a cluster, as a process of this machine: it has the rights that its manifests give it, asks the real kubelet,
 * and is reached by the API server's aggregation layer. The process carries the cluster's mark and ends with it at the latest.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findMetricsServer } from '../cluster/binaries.ts';
import { type Cluster, kubectl } from '../cluster/cluster.ts';
import { issue } from '../cluster/pki.ts';
import { endPart, isAlive, type Part, startPart } from '../cluster/processes.ts';
import { logTail } from '../cluster/run.ts';
import { freePort, until } from './sandbox.ts';

export interface MetricsServer {
  /** Resolves when the API is served. */
  start(): Promise<void>;
  /** Ends it at once, and leaves what the cluster knows of it. */
  kill(): Promise<void>;
  /** Ends it, and the cluster knows nothing of it any more. */
  remove(): Promise<void>;
}

const [name, namespace] = ['metrics-server', 'kube-system'];
const apiService = 'v1beta1.metrics.k8s.io';
const host = `${name}.${namespace}.svc`;
const rbac = 'rbac.authorization.k8s.io';

/** It asks the kubelet every ten seconds, the shortest that it can be told. */
export async function createMetricsServer(cluster: Cluster): Promise<MetricsServer> {
  const file = await findMetricsServer(() => {});
  const port = await freePort();
  const path = (end: string) => join(cluster.stateDir, `${name}.${end}`);
  const authority = await readFile(cluster.caFile, 'utf8');
  const key = await readFile(cluster.caKeyFile as string, 'utf8');
  const certificate = await issue({ key, cert: authority }, { subject: `/CN=${host}`, names: [`DNS:${host}`] });
  await writeFile(path('crt'), certificate.cert);
  await writeFile(path('key'), certificate.key, { mode: 0o600 });
  const objects = [...account(), ...served(cluster.bridgeAddress, port, authority)];
  const texts = objects.map((object) => JSON.stringify(object)).join('\n---\n');
  await kubectl(cluster, ['apply', '-f', '-'], texts);
  await writeFile(path('kubeconfig'), await accountKubeconfig(cluster), { mode: 0o600 });
  const pki = (end: string) => join(cluster.stateDir, 'pki', end);
  const args = [
    ...['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map(
      (flag) => `--${flag}=${path('kubeconfig')}`,
    ),
    `--secure-port=${port}`,
    `--tls-cert-file=${path('crt')}`,
    `--tls-private-key-file=${path('key')}`,
    '--metric-resolution=10s',
    '--kubelet-request-timeout=5s',
    '--kubelet-use-node-status-port',
    '--kubelet-preferred-address-types=InternalIP',
    // The kubelet of these clusters signs its own certificate, and knows no tokens.
    '--kubelet-insecure-tls',
    `--kubelet-client-certificate=${pki('kubelet-client.crt')}`,
    `--kubelet-client-key=${pki('kubelet-client.key')}`,
  ];
  let part: Part | undefined;
  const kill = async () => {
    if (part) await endPart(part, 'SIGKILL');
  };
  return {
    async start() {
      const log = join(cluster.stateDir, 'logs', `${name}.log`);
      const started = startPart(name, { file, args }, log, cluster.stateDir);
      part = started;
      await until(() => {
        if (!isAlive(started)) throw new Error(`the metrics-server has ended:\n${logTail(log)}`);
        return kubectl(cluster, ['get', '--raw', '/apis/metrics.k8s.io/v1beta1/nodes']).catch(() => '');
      }, 'the metrics API is served');
    },
    kill,
    async remove() {
      // First: as long as an API is announced that nobody serves, no namespace can go.
      await kubectl(cluster, ['delete', 'apiservice', apiService]);
      await kill();
      await kubectl(cluster, ['delete', '-f', '-', '--ignore-not-found'], texts);
    },
  };
}

/** Its ServiceAccount and that account's rights, as its own manifests have them. */
function account(): object[] {
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  const binding = (kind: 'Role' | 'ClusterRole', role: string) => ({
    apiVersion: `${rbac}/v1`,
    kind: `${kind}Binding`,
    metadata: { name: `${name}-${role.replace(/^system:/, '')}`, ...(kind === 'Role' ? { namespace } : {}) },
    roleRef: { apiGroup: rbac, kind, name: role },
    subjects,
  });
  const rules = [
    { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
    { apiGroups: [''], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] },
  ];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name: `system:${name}` }, rules },
    binding('ClusterRole', `system:${name}`),
    binding('ClusterRole', 'system:auth-delegator'),
    binding('Role', 'extension-apiserver-authentication-reader'),
  ];
}

/** A Service without a selector, since no pod is behind it. */
function served(address: string, port: number, authority: string): object[] {
  const metadata = { name, namespace };
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ name: 'https', port: 443 }] } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: 'https', port }],
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
    },
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: apiService },
      spec: {
        service: metadata,
        group: 'metrics.k8s.io',
        version: 'v1beta1',
        caBundle: Buffer.from(authority).toString('base64'),
        groupPriorityMinimum: 100,
        versionPriority: 100,
      },
    },
  ];
}

async function accountKubeconfig(cluster: Cluster): Promise<string> {
  const token = (await kubectl(cluster, ['create', 'token', name, '-n', namespace])).trim();
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: cluster.server, 'certificate-authority': cluster.caFile } }],
    users: [{ name, user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: name } }],
    'current-context': 'test',
  });
}
