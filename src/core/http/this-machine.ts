import { BlockList, isIP } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether a host as URLs write it never leaves this machine: loopback addresses, `localhost` and names below it (RFC 6761). */
export function isOnThisMachine(hostname: string): boolean {
  const host = plainHost(hostname);
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  const version = isIP(host);
  if (version !== 6) return version === 4 && host.startsWith('127.');
  // A mapped IPv4 address is found under its own range.
  return LOOPBACK.check(host, 'ipv6');
}

/** A host as it is compared: in lower case, without the brackets of URLs and the dot of the root. */
export function plainHost(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}

/**
 * The most bytes of headers that a server of ours takes: a browser sends it the cookies of every other port of its host.
 * Node takes a quarter of that.
 */
export const MOST_HEADER_BYTES = 64 * 1_024;
