/** The command line of each Kubernetes part. Flags and fields: kubernetes.io, "Component tools". */
import { join } from 'node:path';
import { addressesOf } from './network.ts';
import { insideNode } from './node.ts';
import type { Command } from './processes.ts';
import type { State } from './state.ts';

export const nodeName = 'node-1';
export const signerCommonName = 'toolforge-jobs-test-ca';

export const partNames = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'containerd',
  'kubelet',
  'kube-proxy',
] as const;
export type PartName = (typeof partNames)[number];

export function commandOf(state: State, name: PartName): Command {
  return commands[name](state);
}

const commands: Readonly<Record<PartName, (state: State) => Command>> = {
  etcd: etcdCommand,
  'kube-apiserver': apiServerCommand,
  'kube-controller-manager': controllerManagerCommand,
  'kube-scheduler': schedulerCommand,
  containerd: (state) => inside(state, 'containerd', ['--config', join(state.stateDir, 'config/containerd.toml')]),
  kubelet: kubeletCommand,
  'kube-proxy': (state) =>
    inside(state, state.binaries['kube-proxy'], [`--config=${join(state.stateDir, 'config/kube-proxy.json')}`]),
};

function inside(state: State, file: string, args: string[]): Command {
  if (state.nodeInit === undefined) throw new Error('the node has not been started');
  return insideNode(state.nodeInit.pid, { file, args });
}

function etcdCommand(state: State): Command {
  const client = `http://127.0.0.1:${state.ports.etcd}`;
  const peer = `http://127.0.0.1:${state.ports.etcdPeer}`;
  const flags = [
    `--data-dir=${join(state.stateDir, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--log-level=warn',
  ];
  return { file: state.binaries.etcd, args: state.durableEtcd ? flags : [...flags, '--unsafe-no-fsync'] };
}

function apiServerCommand(state: State): Command {
  const addresses = addressesOf(state.block);
  const pki = (name: string) => join(state.stateDir, 'pki', name);
  return {
    file: state.binaries['kube-apiserver'],
    args: [
      `--etcd-servers=http://127.0.0.1:${state.ports.etcd}`,
      '--bind-address=0.0.0.0',
      `--secure-port=${state.ports.api}`,
      `--advertise-address=${addresses.host}`,
      `--client-ca-file=${pki('ca.crt')}`,
      `--tls-cert-file=${pki('apiserver.crt')}`,
      `--tls-private-key-file=${pki('apiserver.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${pki('service-account.pub')}`,
      `--service-account-signing-key-file=${pki('service-account.key')}`,
      `--service-cluster-ip-range=${addresses.services}`,
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      '--allow-privileged=true',
      `--kubelet-client-certificate=${pki('kubelet-client.crt')}`,
      `--kubelet-client-key=${pki('kubelet-client.key')}`,
      '--kubelet-preferred-address-types=InternalIP',
      // The aggregation layer: who asks for an API that another server serves is told to that server in headers.
      `--requestheader-client-ca-file=${pki('front-proxy-ca.crt')}`,
      '--requestheader-allowed-names=front-proxy-client',
      '--requestheader-username-headers=X-Remote-User',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      `--proxy-client-cert-file=${pki('front-proxy-client.crt')}`,
      `--proxy-client-key-file=${pki('front-proxy-client.key')}`,
      // The addresses of services are known inside of the node only.
      '--enable-aggregator-routing=true',
      `--audit-policy-file=${join(state.stateDir, 'config/audit-policy.json')}`,
      `--audit-log-path=${auditLogPath(state.stateDir)}`,
      // Without it watches stay open for a minute after SIGTERM, on a server that accepts nothing more.
      '--shutdown-watch-termination-grace-period=2s',
      // Megabytes: a file that is rotated away in the middle of a run would hide requests from the tests that read it.
      '--audit-log-maxsize=4096',
    ],
  };
}

export function auditLogPath(stateDir: string): string {
  return join(stateDir, 'logs', 'audit.jsonl');
}

function controllerManagerCommand(state: State): Command {
  const pki = (name: string) => join(state.stateDir, 'pki', name);
  return {
    file: state.binaries['kube-controller-manager'],
    args: [
      `--kubeconfig=${pki('kube-controller-manager.kubeconfig')}`,
      '--leader-elect=false',
      '--secure-port=0',
      '--use-service-account-credentials=true',
      `--service-account-private-key-file=${pki('service-account.key')}`,
      `--root-ca-file=${pki('ca.crt')}`,
      `--cluster-signing-cert-file=${pki('ca.crt')}`,
      `--cluster-signing-key-file=${pki('ca.key')}`,
      `--flex-volume-plugin-dir=${join(state.stateDir, 'own/volume-plugins')}`,
      // The defaults are meant for many clients; a burst of jobs would wait for them.
      '--kube-api-qps=200',
      '--kube-api-burst=400',
    ],
  };
}

function schedulerCommand(state: State): Command {
  return {
    file: state.binaries['kube-scheduler'],
    args: [`--config=${join(state.stateDir, 'config/kube-scheduler.json')}`, '--secure-port=0'],
  };
}

function kubeletCommand(state: State): Command {
  return inside(state, state.binaries.kubelet, [
    `--config=${join(state.stateDir, 'config/kubelet.json')}`,
    `--kubeconfig=${join(state.stateDir, 'pki/kubelet.kubeconfig')}`,
    `--root-dir=${join(state.stateDir, 'kubelet')}`,
    `--cert-dir=${join(state.stateDir, 'kubelet-pki')}`,
    `--node-ip=${addressesOf(state.block).node}`,
    `--hostname-override=${nodeName}`,
  ]);
}
