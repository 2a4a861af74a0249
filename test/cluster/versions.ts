/** The pinned versions and the checksums that belong to them. `kubernetes/go.mod` and `metrics-server/go.mod` name the same versions. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export const kubernetesVersion = 'v1.36.3';
/** The version Kubernetes 1.36 is tested with: `build/dependencies.yaml` of k8s.io/kubernetes. */
export const etcdVersion = 'v3.6.8';
/** Its releases publish no checksum of a binary, so that it is always built. A newer one needs a newer Go. */
export const metricsServerVersion = 'v0.8.0';
/** The `go` line of both `go.mod`. */
export const goVersion = '1.26.0';

export const binaryNames = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
  'kubectl',
] as const;

export type BinaryName = (typeof binaryNames)[number];
export type Binaries = Readonly<Record<BinaryName, string>>;

/** Everything that is kept between runs: `$XDG_CACHE_HOME` or `~/.cache`. */
export function cacheRoot(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'toolforge-jobs');
}

export function binaryCache(): string {
  return join(cacheRoot(), `kubernetes-${kubernetesVersion}`);
}

export function metricsServerCache(): string {
  return join(cacheRoot(), `metrics-server-${metricsServerVersion}`);
}

/**
 * SHA-256 of `https://dl.k8s.io/release/VERSION/bin/linux/ARCH/NAME`, by Node's name of the architecture.
 * As listed by kubernetes/kops, `pkg/assets/assetdata/k8s-1.36.yaml`, which is generated from the releases' own `.sha256` files.
 * A name that is not here is never downloaded: etcd is, whose release checksums were not to be had.
 */
export const releaseChecksums: Readonly<Record<string, Partial<Record<BinaryName, string>>>> = {
  x64: {
    'kube-apiserver': '1f217d397234a6d065da663c6e086fdb02c0f0de97a0758ff3e6f3956f4ef8ab',
    'kube-controller-manager': '7edfe976d5a06c7a702d653e914095f4a732a04bb2139115b6a6eba6a9b781c7',
    'kube-proxy': 'f1b5eb4462df9d98751264c6256628d90fdc72ba8e9a8025d1f75674f078f254',
    'kube-scheduler': 'b8955d4518c902110b50a825364339b1fb673822518ce0ba081a69ed634f8eee',
    kubectl: 'ebbd080e7c2e275093b55915722043257eb24004363e20acb3c4d71919f88336',
    kubelet: '46707a53209f826ad0f0d62371ac69cd00e78fd9a8176cf5f6f87f18f7f8b718',
  },
  arm64: {
    'kube-apiserver': '16001b9d35d23634c361a1e2b7b0fc7abe186984af697ef7a869c8c8cded78b7',
    'kube-controller-manager': '27868a5c822824945b93f2d8a724a5dcd99affc68b47230ae766bff8795bbb84',
    'kube-proxy': '5db204a2f79b26f676137052b45e391f6f8c93b85c85ef0a1f5d72647e3c7834',
    'kube-scheduler': 'ca1c7cd0033942bf9ef7eac80e18375d91f6f29487244c3e685f11163b01a88d',
    kubectl: '3d86f24401c41ae5a46ac50eef8865fe891d3647d324a0836f6c63757a126e62',
    kubelet: '57205a5daf5883873d87b4914e1e00bdd7707acd075714788cfb0fc1f60bc414',
  },
};

/** SHA-256 of the zip of `golang.org/toolchain` for `goVersion`, checked by `go mod download` against sum.golang.org. */
export const toolchainChecksums: Readonly<Record<string, string>> = {
  x64: '38461905b98c59173672814302e222ab43b652274bc0c95817b08b71ab66b705',
};

/** Go's and Kubernetes' name of this machine's architecture. */
export function goArch(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}
