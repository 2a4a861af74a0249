/**
 * The node: mount, network and process namespaces of their own, in which containerd, kubelet, kube-proxy and all containers live.
 * When its first process dies the kernel ends everything in it and takes its mounts, interfaces and firewall rules along, so that
 * nothing can be left behind.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { birthOf, type Command, childrenOf, type Part, startPart } from './processes.ts';
import { waitFor } from './run.ts';
import type { State } from './state.ts';

/** Directories whose place cannot be configured: the node has its own, seen by nobody else. */
const ownDirectories = ['/run/containerd', '/var/lib/kubelet', '/var/lib/cni', '/var/log/containers', '/var/log/pods'];

/**
 * Kernel parameters of the whole machine that the kubelet insists on (its `setupKernelTunables`). Inside the node a file with the wanted
 * value lies over each of them, so the kubelet is content and the machine is not changed.
 */
const kernelParameters: Readonly<Record<string, string>> = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
};

/** The last loop buries processes whose parent has died, as the first process of a namespace must. */
const script = `
set -e
state=$1
shift
for directory in "$@"; do
  own="$state/own$directory"
  mkdir -p "$directory" "$own"
  mount --bind "$own" "$directory"
done
cd "$state/own/kernel"
find . -type f | while read -r parameter; do
  test ! -e "/proc/sys/$parameter" || mount --bind "$parameter" "/proc/sys/$parameter"
done
cd /
ip link set lo up
: > "$state/node-is-ready"
while :; do sleep 86400 & wait; done
`;

const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'slave'];

/** Starts the node's first process. @throws Error when it is not ready in time */
export async function startNode(
  state: State,
  log: string,
  remember: (part: Part) => void,
): Promise<Pick<Part, 'pid' | 'born'>> {
  for (const [name, value] of Object.entries(kernelParameters)) {
    const path = join(state.stateDir, 'own/kernel', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${value}\n`);
  }
  const args = [...namespaces, 'sh', '-c', script, 'node', state.stateDir, ...ownDirectories];
  const part = startPart('node', { file: 'unshare', args }, log, state.stateDir);
  remember(part);
  await waitFor(
    `the node (log ${log})`,
    10_000,
    () => (existsSync(join(state.stateDir, 'node-is-ready')) ? true : undefined),
    10,
  );
  const [pid = 0] = childrenOf(part.pid);
  const born = birthOf(pid);
  if (born === undefined) throw new Error(`the node's first process is gone, log ${log}`);
  return { pid, born };
}

/** The same command, run inside the node. */
export function insideNode(nodeInit: number, command: Command): Command {
  return {
    file: 'nsenter',
    args: ['--target', String(nodeInit), '--mount', '--net', '--pid', '--', command.file, ...command.args],
  };
}
