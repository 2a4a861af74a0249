/**
 * Which addresses a webhook may be sent to: those of the internet, and of no network that only this service can reach. Whoever sets a webhook
 * chooses its name and what DNS answers for it, so the address itself is judged, and only what was judged is connected to (post.ts).
 */
import { BlockList, isIP } from 'node:net';

export interface AddressRules {
  /** Networks that are not of the internet and may be reached all the same. */
  readonly allow: readonly string[];
  /** Networks that may not be reached, whatever else is said. */
  readonly refuse: readonly string[];
}

/**
 * IANA's registries of special-purpose addresses: this host, private, shared, loopback, link-local (where clouds keep the metadata of their
 * machines), documentation, benchmarks, multicast, reserved; and one that Azure has for its machines among the public ones.
 */
const special4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
];
/** All that is in use of the internet; of it tunnels, in which an address of the other kind is hidden, and documentation are left out. */
const global6 = ['2000::/3'];
const special6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

/** @returns whether an address, as text, may be connected to; false for what is none */
export function createAddressCheck(rules: AddressRules): (address: string) => boolean {
  const special = listOf([...special4, ...special6]);
  const global = listOf(global6);
  const allowed = listOf(rules.allow);
  const refused = listOf(rules.refuse);
  return (address) => {
    const version = isIP(address);
    if (version === 0) return false;
    const family = version === 6 ? 'ipv6' : 'ipv4';
    // An address of one kind that is written as one of the other is found in the lists of both.
    if (refused.check(address, family)) return false;
    if (allowed.check(address, family)) return true;
    return !special.check(address, family) && (version === 4 || global.check(address, family));
  };
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}
