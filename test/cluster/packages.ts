/** What a node needs from its Linux distribution, and the one place that installs it. */
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptGet } from './apt.ts';
import { type Progress, step } from './progress.ts';
import { pathWithSbin } from './run.ts';
import { cacheRoot } from './versions.ts';

/** Debian's place first, then the one of the plugins' own releases. */
const pluginDirectories = ['/usr/lib/cni', '/opt/cni/bin'];

interface Need {
  readonly package: string;
  present(): boolean;
}

const nodeNeeds: readonly Need[] = [
  { package: 'containerd', present: () => isOnPath('containerd') && isOnPath('ctr') },
  { package: 'runc', present: () => isOnPath('runc') },
  { package: 'containernetworking-plugins', present: () => findPlugins() !== undefined },
  { package: 'busybox-static', present: () => findBusybox() !== undefined },
  { package: 'iproute2', present: () => isOnPath('ip') },
  { package: 'iptables', present: () => isOnPath('iptables') && isOnPath('iptables-save') },
  { package: 'curl', present: () => isOnPath('curl') },
  { package: 'openssl', present: () => isOnPath('openssl') },
  { package: 'util-linux', present: () => isOnPath('unshare') && isOnPath('nsenter') },
  { package: 'mount', present: () => isOnPath('mount') },
  // Go, unlike Node, brings no certificates of its own.
  { package: 'ca-certificates', present: () => existsSync('/etc/ssl/certs/ca-certificates.crt') },
];

/** Shells that users have and machines for tests do not. */
export const shellNeeds: readonly Need[] = [
  { package: 'fish', present: () => isOnPath('fish') },
  { package: 'zsh', present: () => isOnPath('zsh') },
];

/** Builds images as root without a daemon. */
export const builderNeeds: readonly Need[] = [{ package: 'buildah', present: () => isOnPath('buildah') }];

/**
 * Sees to it that every package is there.
 * @param needs what the node needs, unless said otherwise
 * @throws Error naming what is missing and the two ways out, when this process may not install it
 */
export async function ensurePackages(progress: Progress, needs = nodeNeeds): Promise<void> {
  const missing = needs.filter((need) => !need.present()).map((need) => need.package);
  if (process.platform !== 'linux') throw new Error(`The cluster runs on Linux only. ${bringCluster}`);
  if (process.getuid?.() !== 0) {
    const also = missing.length === 0 ? '' : ` Also missing: ${missing.join(' ')}.`;
    throw new Error(
      `The cluster needs root (namespaces, mounts, cgroups).${also} Either run this as root, or: ${bringCluster}`,
    );
  }
  if (missing.length === 0) return;
  if (!isOnPath('apt-get')) throw new Error(missingMessage(missing));
  mkdirSync(cacheRoot(), { recursive: true });
  const log = join(cacheRoot(), 'apt.log');
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await step(progress, `installing ${missing.join(' ')}`, 40_000, async () => {
      await aptGet(['update'], { log, env });
      await aptGet(['install', '-y', '--no-install-recommends', ...missing], { log, env });
    });
  } catch (cause) {
    throw new Error(`${missingMessage(missing)}\n${(cause as Error).message}`, { cause });
  }
  const still = needs.filter((need) => !need.present()).map((need) => need.package);
  if (still.length > 0) throw new Error(missingMessage(still));
}

const bringCluster = 'use a cluster you have: npm run cluster -- up --kubeconfig FILE';

function missingMessage(missing: readonly string[]): string {
  return `Missing on this machine: ${missing.join(' ')}. Either install them (Debian, Ubuntu: apt-get install ${missing.join(' ')}), or ${bringCluster}`;
}

/** Where the CNI plugins are. */
export function findPlugins(): string | undefined {
  return pluginDirectories.find((directory) =>
    ['ptp', 'host-local', 'loopback'].every((plugin) => existsSync(join(directory, plugin))),
  );
}

/** A busybox that needs no library: the image holds nothing else. */
export function findBusybox(): string | undefined {
  return ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path) && isStatic(readFileSync(path)));
}

/** A static ELF file has no program header of type PT_INTERP (3), elf(5); 64-bit little-endian only. */
function isStatic(elf: Buffer): boolean {
  const offset = Number(elf.readBigUInt64LE(32));
  const size = elf.readUInt16LE(54);
  return Array.from({ length: elf.readUInt16LE(56) }, (_, i) => elf.readUInt32LE(offset + i * size)).every(
    (type) => type !== 3,
  );
}

export function isOnPath(name: string): boolean {
  return findOnPath(name) !== undefined;
}

export function findOnPath(name: string): string | undefined {
  return pathWithSbin()
    .split(':')
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
