import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/**
 * IPv4 addresses that a link in an answer must not lead to: this machine, its network, the services of a cloud that
 * trust whoever reaches them (169.254.169.254), and all else in IANA's registry of special purposes.
 */
const INSIDE = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  INSIDE.addSubnet(network, prefix, 'ipv4');
}
// What is special within the global unicast addresses: Teredo and other protocols, examples, 6to4, AS112.
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
] as const) {
  INSIDE.addSubnet(network, prefix, 'ipv6');
}

/** IPv6 addresses beside these are no host's on the Internet, or ways to write an IPv4 address (NAT64, SIIT, compatible). */
const GLOBAL = new BlockList();
GLOBAL.addSubnet('2000::', 3, 'ipv6');

const MAPPED = new BlockList();
MAPPED.addSubnet('::ffff:0:0', 96, 'ipv6');

/** Whether an IP address is one that everybody on the Internet means the same host by. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !INSIDE.check(address, 'ipv4');
  if (isIP(address) !== 6 || address.includes('%')) return false;
  // A mapped IPv4 address (::ffff:127.0.0.1) is found under its own range.
  const isSomebodys = GLOBAL.check(address, 'ipv6') || MAPPED.check(address, 'ipv6');
  return isSomebodys && !INSIDE.check(address, 'ipv6');
}

/** Whether the host of a URL is written as an address that is not public; of a name only its resolution tells. */
export function isInsideLiteral({ hostname }: URL): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 && !isPublicAddress(host);
}

/** Resolves names to public addresses only. What was looked at is connected to: no second answer of a DNS counts. */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    if (error) return callback(error, '');
    const open = found.filter(({ address }) => isPublicAddress(address));
    const [first] = open;
    if (!first) return callback(new Error(`${hostname} is inside this network`), '');
    if (options.all) callback(null, open);
    else callback(null, first.address, first.family);
  });
};
