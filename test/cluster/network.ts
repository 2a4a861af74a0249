/**
 * Addresses. The node has a network namespace of its own, tied to this machine by one pair of interfaces:
 *
 *     this machine  tfjN  10.N.0.1  ======  10.N.0.2  eth0  node  --- pods 10.N.128.0/17
 *                                                           services 10.N.1.0/24
 *
 * Pods see this machine at 10.N.0.1, and this machine reaches pods, services and node ports through 10.N.0.2. kube-proxy's rules, the
 * pods' interfaces and forwarding live inside the node's namespace and vanish with it; nothing is filtered or translated outside.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { run } from './run.ts';

export interface Addresses {
  readonly link: string;
  readonly host: string;
  readonly node: string;
  readonly whole: string;
  readonly services: string;
  readonly apiService: string;
  readonly dnsService: string;
  readonly pods: string;
}

export function addressesOf(block: number): Addresses {
  const at = (rest: string) => `10.${block}.${rest}`;
  return {
    link: `tfj${block}`,
    host: at('0.1'),
    node: at('0.2'),
    whole: at('0.0/16'),
    services: at('1.0/24'),
    apiService: at('1.1'),
    dnsService: at('1.10'),
    pods: at('128.0/17'),
  };
}

const firstBlock = 88;

/** Blocks that no address or route of this machine overlaps, in the order to try. A route to all of 10.0.0.0/8 is less specific than ours. */
export async function freeBlocks(): Promise<number[]> {
  const routes = JSON.parse(await run('ip', ['-json', '-4', 'route', 'show', 'table', 'all'])) as { dst: string }[];
  const taken = routes
    .map((route) => /^10\.(\d+)\.\d+\.\d+(?:\/(\d+))?$/.exec(route.dst))
    .filter((match) => match !== null);
  const isTaken = (block: number) =>
    taken.some((match) => {
      const span = 2 ** Math.max(0, 16 - Number(match[2] ?? 32));
      const from = Math.floor(Number(match[1]) / span) * span;
      return span < 256 && block >= from && block < from + span;
    });
  return Array.from({ length: 256 }, (_, i) => (firstBlock + i) % 256).filter((block) => block > 0 && !isTaken(block));
}

/**
 * Ties the node's namespace to this machine. The interface's name is the claim on the block: the kernel gives it to one starter only.
 * `remember` is called with each block before it is tried.
 */
export async function connectNode(nodeInit: number, remember: (block: number) => void): Promise<Addresses> {
  for (const block of await freeBlocks()) {
    remember(block);
    const addresses = addressesOf(block);
    if (await addLink(addresses.link, nodeInit)) {
      await configure(addresses, nodeInit);
      return addresses;
    }
  }
  throw new Error('no free network 10.N.0.0/16 on this machine');
}

async function addLink(link: string, nodeInit: number): Promise<boolean> {
  try {
    await run('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(nodeInit)]);
    return true;
  } catch (error) {
    if ((error as Error).message.includes('File exists')) return false;
    throw error;
  }
}

async function configure(addresses: Addresses, nodeInit: number): Promise<void> {
  await run('ip', ['address', 'add', `${addresses.host}/30`, 'dev', addresses.link]);
  await run('ip', ['link', 'set', addresses.link, 'up']);
  const inside = (...args: string[]) => run('nsenter', ['--target', String(nodeInit), '--mount', '--net', ...args]);
  await inside('ip', 'address', 'add', `${addresses.node}/30`, 'dev', 'eth0');
  await inside('ip', 'link', 'set', 'eth0', 'up');
  // Without this an address that is no service's would be sent to this machine and back until its time to live is over.
  await inside('ip', 'route', 'add', 'unreachable', addresses.services);
  await inside('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
  await run('ip', ['route', 'add', addresses.whole, 'via', addresses.node]);
}

export async function linkExists(link: string): Promise<boolean> {
  const links = JSON.parse(await run('ip', ['-json', 'link', 'show'])) as { ifname: string }[];
  return links.some((each) => each.ifname === link);
}

/**
 * Ports that were free a moment ago, all different. None is of the range from which the kernel gives ports to whoever connects (32768 and up):
 * a client that knocks on a server that is being restarted would else sooner or later be given that very port, and keep it. None is a
 * NodePort (30000 and up).
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(10_000, 30_000);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

/** Of all addresses of this machine, as the API server takes it. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)));
  });
}
