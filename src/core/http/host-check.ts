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
export function foreignRequest(headers: RequestOrigin, place: OwnAddress): string | null {
  return foreignHost(headers, place) ?? foreignPage(headers, place);
}

/** Why the name under which a server is asked is none of its own, or null. */
export function foreignHost({ host }: RequestOrigin, { scheme, isNamed }: OwnAddress): string | null {
  // Only HTTP/1.0 may leave it out, and no browser speaks that.
  if (host === undefined) return null;
  const own = hostUrl(scheme, host);
  if (own && (isOnThisMachine(own.hostname) || isNamed(own.hostname))) return null;
  return `the Host ${JSON.stringify(host)} is not a name of this machine`;
}

/** Why the page that sends a request is not one of the server it is sent to, or null. `others` are origins that are. */
export function foreignPage(
  headers: RequestOrigin,
  { scheme }: Pick<OwnAddress, 'scheme'>,
  others: readonly string[] = [],
): string | null {
  const { host, origin } = headers;
  const own = host === undefined ? null : hostUrl(scheme, host);
  if (origin !== undefined && !isOneOf(origin, own ? [own.origin, ...others] : others))
    return `the Origin ${JSON.stringify(origin)} is another site`;
  const site = headers['sec-fetch-site'];
  return OWN_SITES.has(site) ? null : `the request comes from another site (Sec-Fetch-Site: ${site})`;
}

function isOneOf(origin: string, own: readonly string[]): boolean {
  return URL.canParse(origin) && own.includes(new URL(origin).origin);
}

/** A `Host` header as an address; null when it is more or less than a host and a port. */
function hostUrl(scheme: OwnAddress['scheme'], host: string): URL | null {
  if (!/^(\[[0-9a-f:.]+\]|[^\s:/?#@\\[\]]+)(:\d*)?$/i.test(host)) return null;
  const address = `${scheme}://${host}`;
  return URL.canParse(address) ? new URL(address) : null;
}
