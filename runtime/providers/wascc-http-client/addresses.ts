import { BlockList, isIPv6 } from 'node:net';

/** Not for the public: RFC 6890 and its successors in the IANA special-purpose registries, and multicast. */
const RESERVED_V4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
];
/** With the prefixes that carry an IPv4 address inside, since it may be any. */
const RESERVED_V6 = [
  ...['::/96', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32', '2002::/16'],
  ...['fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
];

const reserved = listOf(RESERVED_V4, RESERVED_V6);
const loopback = listOf(['127.0.0.0/8'], ['::1/128']);

/** IPv4 addresses written as IPv6 (`::ffff:…`) count as what they are. */
export function isPublic(address: string): boolean {
  return !reserved.check(address, family(address));
}

export function isLoopback(address: string): boolean {
  return loopback.check(address, family(address));
}

function listOf(v4: readonly string[], v6: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of [...v4, ...v6]) {
    const [net = '', bits] = subnet.split('/');
    list.addSubnet(net, Number(bits), family(net));
  }
  return list;
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
