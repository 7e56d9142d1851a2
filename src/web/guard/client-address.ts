import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import type { TrustedProxies } from './listen-address.ts';

/** Who sends a request, and over what. */
export interface Client {
  /** The address, as limits and logs have it. */
  address: string;
  scheme: 'http' | 'https';
}

/** Who sends a request: the peer of the connection, unless that is a trusted proxy, whose `X-Forwarded-*` then counts. */
export function clientOf(
  peer: { address: string; isTls: boolean },
  headers: IncomingHttpHeaders,
  trusted: TrustedProxies,
): Client {
  const address = plainAddress(peer.address);
  const scheme = peer.isTls ? 'https' : 'http';
  if (!trusted.has(address)) return { address, scheme };
  // What a client itself has written comes first: the last one that no trusted proxy has is whom the proxy saw.
  const seen = listOf(headers['x-forwarded-for']).findLast((one) => !trusted.has(one)) ?? '';
  return {
    // Behind what is no address a client may have written anything.
    address: isIP(seen) === 0 ? address : seen,
    // Of several proxies each may add its own: the first is what the browser speaks.
    scheme: /^\s*https\s*(,|$)/i.test(String(headers['x-forwarded-proto'] ?? '')) ? 'https' : scheme,
  };
}

function listOf(header: string | string[] | undefined): string[] {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  return text
    .split(',')
    .map((one) => plainAddress(withoutPort(one.trim())))
    .filter((one) => one !== '');
}

/** An address without the port and the brackets that some proxies write with it. */
function withoutPort(text: string): string {
  return text.replace(/^\[([^\]]*)\](:\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1');
}

/** An IPv4 address as it is written, also where the connection is one of IPv6. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
