import { WxError } from '../core/errors.ts';

/** Which hosts may see a bot token or a user's media, and how addresses are made (protocol 1.1, 14). */

/** Tencent's domains: these and everything below them. */
const HOME_DOMAINS = ['weixin.qq.com', 'wechat.com'];

/** Where bots and their CDN live unless told otherwise (protocol 1.1). */
export const TENCENT_BASE_URL = 'https://ilinkai.weixin.qq.com';
export const TENCENT_CDN_URL = 'https://novac2c.cdn.weixin.qq.com/c2c';

/** Decides where secrets may go. */
export interface HostTrust {
  /** Whether a token or a user's media may be sent to this address. */
  isTrusted(url: URL): boolean;
}

/**
 * Trusts Tencent's hosts over https on the default port, and exactly the origins of the
 * base URLs in `named`, which the user gave (plain http among them on loopback only).
 * An address with a user name or password in it is never trusted (protocol 14).
 */
export function createHostTrust(named: readonly string[]): HostTrust {
  const origins = new Set<string>();
  for (const text of named) {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url && isSafeScheme(url)) origins.add(url.origin);
  }
  return {
    isTrusted(url) {
      if (url.username !== '' || url.password !== '') return false;
      return isHome(url) || (isSafeScheme(url) && origins.has(url.origin));
    },
  };
}

/** Whether an address is on this machine: `localhost`, 127.0.0.0/8 or `::1`. */
export function isLoopback(url: URL): boolean {
  return (
    url.hostname === 'localhost' || url.hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(url.hostname)
  );
}

/** Reads a base URL given with `flag`, without query and fragment. Throws WxError `usage`. */
export function parseBaseUrl(text: string, flag: string): URL {
  const hint = `${flag} https://ilinkai.weixin.qq.com`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new WxError('usage', `${flag} needs an http or https address, not "${text}"`, { hint });
  }
  if (url.username !== '' || url.password !== '') {
    throw new WxError('usage', `${flag} must not contain a user name or password`, { hint });
  }
  if (!isSafeScheme(url)) {
    throw new WxError(
      'usage',
      `${flag}: plain http is allowed on this machine only, use https for ${url.host}`,
      { hint: `${flag} https://${url.host}` },
    );
  }
  url.search = '';
  url.hash = '';
  return url;
}

/** Whether a `redirect_host` is a host name and nothing else: no port, path, user, space or IP address (protocol 14). */
export function isBareHost(host: string): boolean {
  if (host.length > 253 || !/^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/i.test(host)) return false;
  // Parsing turns every spelling of an IPv4 address (0x7f.1, 2130706433) into four decimal numbers.
  const address = `https://${host}`;
  return (
    URL.canParse(address) && new URL(address).hostname === host.toLowerCase() && !/(^|\.)\d+$/.test(host)
  );
}

/** Joins a base URL and `ilink/bot/<name>`; a path prefix of the base stays (protocol 1.1). */
export function endpointUrl(base: string, path: string): string {
  return new URL(path, base.endsWith('/') ? base : `${base}/`).href;
}

function isHome(url: URL): boolean {
  if (url.protocol !== 'https:' || url.port !== '') return false;
  return HOME_DOMAINS.some((domain) => url.hostname === domain || url.hostname.endsWith(`.${domain}`));
}

function isSafeScheme(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
}
