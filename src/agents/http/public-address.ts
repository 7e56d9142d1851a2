import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/**
 * Addresses that a link in an answer must not lead to: this machine, its network, the services of a cloud that trust
 * whoever reaches them (169.254.169.254), and what is no single host (RFC 6890).
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
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  INSIDE.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  // ::, ::1, and ways to write an IPv4 address: compatible, NAT64, 6to4.
  ['::', 96],
  ['64:ff9b::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
] as const) {
  INSIDE.addSubnet(network, prefix, 'ipv6');
}

/** Whether an IP address is one that everybody on the Internet means the same host by. */
export function isPublicAddress(address: string): boolean {
  // A mapped IPv4 address (::ffff:127.0.0.1) is found under its own range.
  return !INSIDE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** Whether the host of a URL is written as an address that is not public; of a name only its resolution tells. */
export function isInsideLiteral({ hostname }: URL): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 && !isPublicAddress(host);
}

/**
 * Resolves names to public addresses only. What was looked at is what gets connected to, so that a name which resolves
 * to another address the second time gains nothing.
 */
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
