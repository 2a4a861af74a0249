/** The files that the parts read: certificates, kubeconfigs, component configurations. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeName, signerCommonName } from './kubernetes.ts';
import { addressesOf } from './network.ts';
import { createAuthority, issue, type KeyAndCertificate, type Leaf, newServiceAccountKeys } from './pki.ts';
import { cgroupOf, type State } from './state.ts';

export const pauseImage = 'toolforge-jobs.invalid/pause:1';

/** Who has a client certificate and a kubeconfig; subjects from kubernetes.io, "PKI certificates and requirements". */
const clients: Readonly<Record<string, string>> = {
  admin: '/O=system:masters/CN=admin',
  'kube-controller-manager': '/CN=system:kube-controller-manager',
  'kube-scheduler': '/CN=system:kube-scheduler',
  'kube-proxy': '/CN=system:kube-proxy',
  kubelet: `/O=system:nodes/CN=system:node:${nodeName}`,
  'kubelet-client': '/CN=kube-apiserver-kubelet-client',
};

export async function writePki(state: State): Promise<void> {
  const { host, apiService } = addressesOf(state.block);
  const write = (name: string, text: string) => writeFileSync(join(state.stateDir, 'pki', name), text, { mode: 0o600 });
  const pair = (name: string, value: KeyAndCertificate) => {
    write(`${name}.crt`, value.cert);
    write(`${name}.key`, value.key);
  };
  mkdirSync(join(state.stateDir, 'pki'), { recursive: true, mode: 0o700 });
  const authority = await createAuthority(signerCommonName);
  pair('ca', authority);
  // An authority of its own: whoever has a certificate of it may say who somebody else is.
  const aggregator = await createAuthority('front-proxy-ca');
  write('front-proxy-ca.crt', aggregator.cert);
  pair('front-proxy-client', await issue(aggregator, { subject: '/CN=front-proxy-client' }));
  const accounts = newServiceAccountKeys();
  write('service-account.key', accounts.key);
  write('service-account.pub', accounts.publicKey);
  const server: Leaf = {
    subject: '/CN=kube-apiserver',
    names: [
      'IP:127.0.0.1',
      `IP:${host}`,
      `IP:${apiService}`,
      'DNS:localhost',
      'DNS:kubernetes',
      'DNS:kubernetes.default',
      'DNS:kubernetes.default.svc',
    ],
  };
  const wanted = [['apiserver', server], ...Object.entries(clients).map(([name, subject]) => [name, { subject }])] as [
    string,
    Leaf,
  ][];
  await Promise.all(
    wanted.map(async ([name, leaf]) => {
      const issued = await issue(authority, leaf);
      pair(name, issued);
      const address = name === 'kubelet' || name === 'kube-proxy' ? host : '127.0.0.1';
      if (name in clients)
        write(`${name}.kubeconfig`, kubeconfig(`https://${address}:${state.ports.api}`, authority.cert, name, issued));
    }),
  );
}

/** JSON is YAML, and a kubeconfig with its data inside can be copied. */
function kubeconfig(server: string, ca: string, user: string, credentials: KeyAndCertificate): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'toolforge-jobs-test', cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [
      {
        name: user,
        user: { 'client-certificate-data': base64(credentials.cert), 'client-key-data': base64(credentials.key) },
      },
    ],
    contexts: [{ name: 'default', context: { cluster: 'toolforge-jobs-test', user } }],
    'current-context': 'default',
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

export function writeConfigurations(state: State): void {
  const directory = join(state.stateDir, 'config');
  mkdirSync(join(directory, 'cni'), { recursive: true });
  const write = (name: string, content: unknown) =>
    writeFileSync(join(directory, name), typeof content === 'string' ? content : JSON.stringify(content, null, 2));
  write('containerd.toml', containerdConfig(state));
  write('cni/10-pods.conflist', podNetwork(state));
  write('audit-policy.json', auditPolicy);
  write('kube-scheduler.json', schedulerConfig(state));
  write('kubelet.json', kubeletConfig(state));
  write('kube-proxy.json', proxyConfig(state));
}

export function containerdSocket(stateDir: string): string {
  return join(stateDir, 'containerd.sock');
}

/** The native snapshotter needs no overlay mounts, which not every machine allows; the image is two megabytes. */
function containerdConfig(state: State): string {
  const at = (path: string) => JSON.stringify(join(state.stateDir, path));
  return `version = 2
root = ${at('containerd/root')}
state = ${at('containerd/state')}
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt"]
[grpc]
address = ${JSON.stringify(containerdSocket(state.stateDir))}
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${pauseImage}"
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = ${JSON.stringify(state.plugins)}
conf_dir = ${at('config/cni')}
`;
}

/** Point to point, not a bridge: what is routed passes kube-proxy's rules even where bridged packets do not (br_netfilter). */
function podNetwork(state: State): unknown {
  const ipam = {
    type: 'host-local',
    dataDir: join(state.stateDir, 'pod-addresses'),
    ranges: [[{ subnet: addressesOf(state.block).pods }]],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  return { cniVersion: '0.4.0', name: 'pods', plugins: [{ type: 'ptp', ipMasq: false, ipam }] };
}

/** Every request of people, tools and daemons, reads included; nothing of the cluster's own parts. */
const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    {
      level: 'None',
      users: [
        'system:kube-controller-manager',
        'system:kube-scheduler',
        'system:kube-proxy',
        'system:apiserver',
        'system:anonymous',
      ],
    },
    { level: 'None', userGroups: ['system:nodes', 'system:serviceaccounts:kube-system'] },
    { level: 'Metadata' },
  ],
};

function schedulerConfig(state: State): unknown {
  return {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    leaderElection: { leaderElect: false },
    clientConnection: { kubeconfig: join(state.stateDir, 'pki/kube-scheduler.kubeconfig'), qps: 200, burst: 400 },
  };
}

function kubeletConfig(state: State): unknown {
  const addresses = addressesOf(state.block);
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: addresses.node,
    healthzPort: 0,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: false },
      x509: { clientCAFile: join(state.stateDir, 'pki/ca.crt') },
    },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${containerdSocket(state.stateDir)}`,
    cgroupDriver: 'cgroupfs',
    // One cgroup above all pods, named after this cluster: `down` removes it and no other.
    cgroupRoot: cgroupOf(state.stateDir),
    cgroupsPerQOS: true,
    enforceNodeAllocatable: ['pods'],
    failCgroupV1: false,
    // Without CAP_SYS_RESOURCE some limits and kernel parameters cannot be set; this makes that a warning.
    featureGates: { KubeletInUserNamespace: true },
    localStorageCapacityIsolation: false,
    failSwapOn: false,
    makeIPTablesUtilChains: false,
    evictionHard: {
      'memory.available': '0%',
      'nodefs.available': '0%',
      'nodefs.inodesFree': '0%',
      'imagefs.available': '0%',
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    maxPods: 250,
    clusterDomain: 'cluster.local',
    // No DNS runs there. Without an address every pod would get a warning event.
    clusterDNS: [addresses.dnsService],
    podLogsDir: join(state.stateDir, 'pod-logs'),
    volumePluginDir: join(state.stateDir, 'own/volume-plugins'),
  };
}

function proxyConfig(state: State): unknown {
  const addresses = addressesOf(state.block);
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    hostnameOverride: nodeName,
    clientConnection: { kubeconfig: join(state.stateDir, 'pki/kube-proxy.kubeconfig') },
    clusterCIDR: addresses.pods,
    healthzBindAddress: `${addresses.node}:10256`,
    metricsBindAddress: '127.0.0.1:10249',
    iptables: { localhostNodePorts: false, minSyncPeriod: '100ms', syncPeriod: '30s' },
    // These belong to the whole machine and cannot be set from a network namespace.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}
