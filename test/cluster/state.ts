/** What `down` needs to know, written before each thing is made: a starter may die at any moment. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Part } from './processes.ts';
import type { Binaries } from './versions.ts';

export interface State {
  readonly stateDir: string;
  /** Eight hex digits of the state directory's name: tells the cgroups of clusters apart, and is known without this file. */
  readonly id: string;
  phase: 'starting' | 'running';
  /** Second number of the cluster's 10.N.0.0/16; see `network.ts`. */
  block: number;
  readonly ports: { readonly api: number; readonly etcd: number; readonly etcdPeer: number };
  readonly binaries: Binaries;
  readonly plugins: string;
  readonly durableEtcd: boolean;
  readonly homesBase: string;
  /** The node's first process as this machine numbers it; its namespaces are the node. */
  nodeInit?: Pick<Part, 'pid' | 'born'>;
  parts: Record<string, Part>;
}

/** `$XDG_STATE_HOME` or `~/.local/state`, then `toolforge-jobs/cluster`. */
export function defaultStateDir(): string {
  return join(process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'toolforge-jobs', 'cluster');
}

/** Socket paths may have 107 bytes (unix(7)), and the longest below a state directory has 45. */
export function checkStateDir(path: string): string {
  const absolute = resolve(path);
  if (absolute.length > 60)
    throw new Error(`${absolute}: a state directory's path has at most 60 characters, because of socket paths`);
  return absolute;
}

export function clusterId(stateDir: string): string {
  return createHash('sha256').update(stateDir).digest('hex').slice(0, 8);
}

/** Absolute, as the kubelet and /sys/fs/cgroup know it. */
export function cgroupOf(stateDir: string): string {
  return `/tfj-${clusterId(stateDir)}`;
}

/**
 * Homes must be reachable by the tools' own users. Below a directory that is closed to others (root's home often is) they are not, so
 * then they live in /var/lib.
 */
export function chooseHomesBase(stateDir: string): string {
  for (let at = dirname(stateDir); ; at = dirname(at)) {
    if (existsSync(at) && (statSync(at).mode & 0o001) === 0) return outsideHomes(stateDir);
    if (at === dirname(at)) return join(stateDir, 'homes');
  }
}

/** Where homes live when they cannot live below the state directory. */
export function outsideHomes(stateDir: string): string {
  return `/var/lib/toolforge-jobs-cluster-${clusterId(stateDir)}/homes`;
}

const fileName = 'state.json';

export function readState(stateDir: string): State | undefined {
  try {
    return JSON.parse(readFileSync(join(stateDir, fileName), 'utf8')) as State;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export function saveState(state: State): void {
  const path = join(state.stateDir, fileName);
  writeFileSync(`${path}.new`, JSON.stringify(state, null, 2), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Directory of logs, one file per part. */
export function logDirectory(stateDir: string): string {
  const path = join(stateDir, 'logs');
  mkdirSync(path, { recursive: true });
  return path;
}
