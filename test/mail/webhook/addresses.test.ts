import { describe, expect, it } from 'vitest';
import { createAddressCheck } from '../../../src/mail/webhook/addresses.ts';

const mayReach = createAddressCheck({ allow: [], refuse: [] });

describe('the address of a webhook', () => {
  it.each(['8.8.8.8', '91.198.174.192', '185.15.59.224', '2620:0:861:ed1a::1', '2a02:ec80:300:ed1a::1'])(
    'may be %s, which is of the internet',
    (address) => expect(mayReach(address)).toBe(true),
  );

  it.each([
    ['this host', '0.0.0.0', '0.1.2.3', '::'],
    ['loopback', '127.0.0.1', '127.255.255.254', '::1'],
    ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fd12:3456::1'],
    ['shared', '100.64.0.1', '100.127.255.255'],
    ['link-local', '169.254.0.1', 'fe80::1', 'fe80::1%eth0', 'febf::1'],
    [
      'where clouds keep the metadata of machines',
      '169.254.169.254',
      'fd00:ec2::254',
      '100.100.100.200',
      '168.63.129.16',
    ],
    ['multicast and reserved', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', 'ff02::1'],
    [
      'documentation and benchmarks',
      '192.0.2.1',
      '198.51.100.1',
      '203.0.113.1',
      '198.18.0.1',
      '2001:db8::1',
      '3fff::1',
    ],
    [
      'one kind inside the other',
      '::ffff:127.0.0.1',
      '::ffff:8.8.8.8',
      '::127.0.0.1',
      '64:ff9b::7f00:1',
      '2002:7f00:1::1',
    ],
    ['a tunnel', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['no address', '', 'localhost', '127.1', '0x7f000001', '2130706433', '[::1]', '127.0.0.1\n'],
  ])('is refused where it is %s', (_, ...addresses) => {
    expect(addresses.filter(mayReach)).toEqual([]);
  });

  it('may be of a network that the operators have opened, and of no other for that', () => {
    const check = createAddressCheck({ allow: ['127.0.0.1/32', '10.3.0.0/16', 'fd12::/16'], refuse: [] });
    expect(['127.0.0.1', '10.3.255.1', 'fd12::5', '8.8.8.8'].every(check)).toBe(true);
    expect(['127.0.0.2', '10.4.0.1', 'fd13::5', '::1'].some(check)).toBe(false);
  });

  it('is refused in a network that the operators have closed, whatever else is said', () => {
    const check = createAddressCheck({
      allow: ['10.3.0.0/16'],
      refuse: ['10.3.0.5/32', '185.15.56.0/22', '2a02:ec80::/29'],
    });
    expect(['10.3.0.5', '::ffff:10.3.0.5', '185.15.59.224', '2a02:ec80:300:ed1a::1'].some(check)).toBe(false);
    expect(['10.3.0.6', '185.15.60.1'].every(check)).toBe(true);
  });
});
