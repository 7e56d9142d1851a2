import { BlockList, isIP } from 'node:net';
import { WxError } from '../../core/errors.ts';
import type { OwnAddress } from '../../core/http/host-check.ts';
import { isOnThisMachine, plainHost } from '../../core/http/this-machine.ts';

/** The port without `--listen`. */
const DEFAULT_PORT = 7788;
/** Where it listens without `--listen`. */
const DEFAULT_LISTEN = `127.0.0.1:${DEFAULT_PORT}`;

/** Addresses that mean every interface. */
const WILDCARDS = ['0.0.0.0', '::'];

export interface ListenAddress {
  host: string;
  /** 0: any free one. */
  port: number;
}

/** Reads `--listen`: `host:port`, a port, or a host. Throws WxError `usage`. */
export function parseListen(text: string, flag: string): ListenAddress {
  const [, bracketed, plain, port] =
    /^(?:\[([0-9a-f:.%\w]+)\]|([^\s:/?#@[\]]+))?(?::?(\d{1,5}))?$/i.exec(
      /^\d{1,5}$/.test(text) ? `:${text}` : text,
    ) ?? [];
  const host = bracketed ?? plain ?? (port === undefined ? '' : '127.0.0.1');
  const number = Number(port ?? DEFAULT_PORT);
  if (host !== '' && number <= 65_535 && (bracketed === undefined || isIP(bracketed) === 6))
    return { host, port: number };
  throw new WxError('usage', `${flag} takes an address to listen on, such as host:port, not "${text}"`, {
    hint: `${flag} ${DEFAULT_LISTEN}`,
  });
}

/** Reads `--public-url`: the origin by which a proxy in front is reached. Throws WxError `usage`. */
export function parsePublicUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
  if (isPlain) return url.origin;
  throw new WxError('usage', `--public-url takes http(s)://host, without a path, not "${text}"`, {
    hint: '--public-url https://bot.example.org',
  });
}

/** Networks whose word on `X-Forwarded-*` counts. */
export interface TrustedProxies {
  has(address: string): boolean;
}

/** Reads `--trust-proxy`: addresses and networks, with commas. Throws WxError `usage`. */
export function parseTrustedProxies(text: string | null): TrustedProxies {
  // Most servers have no proxy, and each request asks.
  if (text === null) return { has: () => false };
  const list = new BlockList();
  for (const one of text.split(',').map((part) => part.trim())) {
    const [address = '', bits, ...more] = one.split('/');
    const version = isIP(address);
    const prefix = bits === undefined ? (version === 6 ? 128 : 32) : Number(bits);
    const isNetwork =
      version !== 0 &&
      more.length === 0 &&
      /^\d{1,3}$/.test(bits ?? '0') &&
      prefix <= (version === 6 ? 128 : 32);
    if (!isNetwork) {
      throw new WxError('usage', `--trust-proxy takes addresses or networks, not "${one}"`, {
        hint: '--trust-proxy 127.0.0.1,10.0.0.0/8',
      });
    }
    list.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4');
  }
  return {
    has: (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'),
  };
}

/** Under which names the server may be asked. */
export function namesOf(
  { host }: ListenAddress,
  publicOrigin: string | null,
  certificate: { isFor(hostname: string): boolean } | null,
): OwnAddress['isNamed'] {
  const publicHost = publicOrigin === null ? null : new URL(publicOrigin).hostname;
  return (hostname) => {
    const name = plainHost(hostname);
    if (hostname === publicHost || name === plainHost(host)) return true;
    // A page can lead a browser to an address by a name of its own, and not by the address itself.
    if (WILDCARDS.includes(host) && isIP(name) !== 0) return true;
    return certificate !== null && !isOnThisMachine(host) && certificate.isFor(name);
  };
}

/** Whether others than this machine reach an address. */
export function isReachable({ host }: ListenAddress): boolean {
  return !isOnThisMachine(host);
}
