import { isOnThisMachine } from './this-machine.ts';

/** The headers of a request that tell who made it. */
export interface RequestOrigin {
  host?: string | undefined;
  origin?: string | undefined;
  'sec-fetch-site'?: string | string[] | undefined;
}

/** Where a server of ours is found. */
export interface OwnAddress {
  scheme: 'http' | 'https';
  /** Whether a host name or address that is not of this machine was given on purpose, lower case, IPv6 in brackets. */
  isNamed(hostname: string): boolean;
}

/** On this machine, under the names of this machine only. */
export const LOOPBACK_ONLY: OwnAddress = { scheme: 'http', isNamed: () => false };

/** What a browser says of a request that no foreign page has made. */
const OWN_SITES: ReadonlySet<unknown> = new Set([undefined, 'same-origin', 'none']);

/**
 * Why a server on this machine must refuse a request, or null. A browser lets every page send requests here: it says
 * in `Origin` and `Sec-Fetch-Site` which page that is, and names in `Host` the name that the page has led it to, which
 * its owner's DNS can turn into 127.0.0.1. Programs send none of the first two and the host they were told.
 */
export function foreignRequest(headers: RequestOrigin, { scheme, isNamed }: OwnAddress): string | null {
  const { host, origin } = headers;
  // Only HTTP/1.0 may leave it out, and no browser speaks that.
  const own = host === undefined ? null : hostUrl(scheme, host);
  if (host !== undefined && !(own && (isOnThisMachine(own.hostname) || isNamed(own.hostname)))) {
    return `the Host ${JSON.stringify(host)} is not a name of this machine`;
  }
  if (origin !== undefined && !(own && URL.canParse(origin) && new URL(origin).origin === own.origin)) {
    return `the Origin ${JSON.stringify(origin)} is another site`;
  }
  const site = headers['sec-fetch-site'];
  return OWN_SITES.has(site) ? null : `the request comes from another site (Sec-Fetch-Site: ${site})`;
}

/** A `Host` header as an address; null when it is more or less than a host and a port. */
function hostUrl(scheme: OwnAddress['scheme'], host: string): URL | null {
  if (!/^(\[[0-9a-f:.]+\]|[^\s:/?#@\\[\]]+)(:\d*)?$/i.test(host)) return null;
  const address = `${scheme}://${host}`;
  return URL.canParse(address) ? new URL(address) : null;
}
