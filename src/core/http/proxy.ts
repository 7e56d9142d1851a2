import { BlockList, isIP } from 'node:net';
import { WxError } from '../errors.ts';
import { withoutQuotes } from '../strip.ts';
import { isOnThisMachine, plainHost } from './this-machine.ts';

/** A proxy, and how it was given: `HTTPS_PROXY`, `--proxy`. */
export interface Proxy {
  url: URL;
  from: string;
}

/** Which way requests take. */
export interface ProxyRules {
  /** Whether any request may take a proxy. */
  readonly any: boolean;
  /** The proxy for a URL; null: none. Throws WxError `config` (78) where the variable that is about it cannot be understood. */
  proxyFor(url: URL): Proxy | null;
}

export const NO_PROXIES: ProxyRules = { any: false, proxyFor: () => null };

/** What proxies can speak, by how it is written; of SOCKS 5 both forms let the proxy resolve names. */
const SCHEMES: Readonly<Record<string, string>> = {
  'http:': 'http:',
  'https:': 'https:',
  'socks:': 'socks5:',
  'socks5:': 'socks5:',
  'socks5h:': 'socks5:',
};

/** Which variables are asked for a URL, the first that is set counts; each also in upper case. */
const VARIABLES: Readonly<Record<string, readonly string[]>> = {
  'http:': ['http_proxy', 'all_proxy'],
  'https:': ['https_proxy', 'all_proxy', 'http_proxy'],
};

/** The rules of `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`; lower case wins. This machine is never proxied. */
export function proxiesOf(environment: Readonly<Record<string, string | undefined>>): ProxyRules {
  const isExempt = exemptionsOf(variable(environment, 'no_proxy')?.value ?? '');
  return {
    any: (VARIABLES['https:'] ?? []).some((name) => variable(environment, name)),
    proxyFor(url) {
      const names = VARIABLES[url.protocol] ?? [];
      const [named] = names.map((name) => variable(environment, name)).filter((one) => one !== null);
      if (!named || isOnThisMachine(url.hostname) || isExempt(url)) return null;
      return readProxy(named.value, named.name);
    },
  };
}

/** The rules of one proxy for everything, as `--proxy` has it; `from` is how it was given. Throws WxError `config`. */
export function proxyForAll(text: string, from: string): ProxyRules {
  const proxy = readProxy(text, from);
  return { any: true, proxyFor: () => proxy };
}

/** Reads the address of a proxy; one without a scheme is meant as `http://`, as everybody else takes it. */
function readProxy(text: string, from: string): Proxy {
  const trimmed = withoutQuotes(text);
  const written = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`;
  const hint = from.startsWith('--')
    ? `${from} http://127.0.0.1:7890`
    : `${from}=http://127.0.0.1:7890, or unset ${from}`;
  const wrong = (what: string): WxError => new WxError('config', `${from} ${what}`, { hint });
  // Never the value: it may hold a password.
  if (/\s/.test(written) || !URL.canParse(written)) throw wrong('is not the address of a proxy');
  const url = new URL(written);
  const scheme = SCHEMES[url.protocol];
  if (scheme === undefined) {
    throw wrong(`begins with ${url.protocol}//, but a proxy speaks http, https or socks5`);
  }
  if (!/^(\[.+\]|[\w.-]+)$/.test(url.hostname)) throw wrong('names no host');
  // A slash at the end is common. Anything more belongs to some other address.
  if (url.pathname.length > 1 || url.search !== '' || url.hash !== '')
    throw wrong('has a path, but a proxy has only a host and a port');
  for (const part of [url.username, url.password]) {
    if (/%(?![0-9a-f]{2})/i.test(part)) throw wrong('has a % in user or password that is not written as %25');
  }
  return { url: scheme === url.protocol ? url : new URL(written.replace(/^[^:]+:/, scheme)), from };
}

/** User and password as proxies want to hear them: in a header, and for SOCKS one by one. */
export function credentialsOf({ url }: Proxy): { token?: string; username?: string; password?: string } {
  const [username, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  if (username === '' && password === '') return {};
  if (url.protocol === 'socks5:') return { username, password };
  return { token: `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}` };
}

/** A proxy as messages may name it: without user and password. */
export function shownProxy({ url, from }: Proxy): string {
  return `${url.protocol}//${url.host} (${from})`;
}

/** What went wrong, and on which way. */
export function throughProxy(what: string, proxy: Proxy): string {
  return `${what} (through the proxy ${shownProxy(proxy)})`;
}

function variable(
  environment: Readonly<Record<string, string | undefined>>,
  name: string,
): { name: string; value: string } | null {
  for (const one of [name, name.toUpperCase()]) {
    const value = environment[one]?.trim();
    if (value) return { name: one, value };
  }
  return null;
}

/** What `NO_PROXY` exempts: names with all below, addresses, networks (`10.0.0.0/8`), with a port or for any; `*` all. */
function exemptionsOf(text: string): (url: URL) => boolean {
  const entries = text.split(/[\s,]+/).filter((entry) => entry !== '');
  const tests = entries.map(exemptionOf);
  return (url) => {
    const host = plainHost(url.hostname);
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    return tests.some((test) => test(host, port));
  };
}

function exemptionOf(entry: string): (host: string, port: string) => boolean {
  if (entry === '*') return () => true;
  const [, inBrackets, withoutPort = entry, port] =
    isIP(entry) === 6 ? [] : (/^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? []);
  const [name = '', prefix] = (inBrackets ?? withoutPort)
    .toLowerCase()
    .replace(/^\*?\./, '')
    .split('/');
  const network = networkOf(name, prefix);
  return (host, askedPort) => {
    if (port !== undefined && port !== askedPort) return false;
    if (network) return isIP(host) !== 0 && network.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
    return prefix === undefined && name !== '' && (host === name || host.endsWith(`.${name}`));
  };
}

/** The addresses of a network, or the one address; null for a name, and for what is neither. */
function networkOf(address: string, prefix: string | undefined): BlockList | null {
  const version = isIP(address);
  const most = version === 6 ? 128 : 32;
  const bits = prefix === undefined ? most : Number(/^\d{1,3}$/.test(prefix) ? prefix : Number.NaN);
  if (version === 0 || !(bits <= most)) return null;
  const network = new BlockList();
  network.addSubnet(address, bits, version === 6 ? 'ipv6' : 'ipv4');
  return network;
}

/** The parts of an HTTP client's dispatchers that routing takes; this folder loads no package. */
interface Dispatching {
  // biome-ignore lint/suspicious/noExplicitAny: what is passed on is not looked at.
  dispatch(options: any, handler: any): boolean;
  destroy(): Promise<void>;
}

/** Sends each request `direct` or through the proxy of its origin, opened once. A fault says which proxy it was. */
export function routed<Way extends Dispatching>(
  rules: ProxyRules,
  direct: Way,
  through: (proxy: Proxy) => Way,
): Dispatching {
  const ways = new Map<string, Way>();
  return {
    dispatch(options, handler) {
      const proxy = rules.proxyFor(new URL(options.origin));
      if (!proxy) return direct.dispatch(options, handler);
      const way = ways.get(proxy.url.href) ?? through(proxy);
      ways.set(proxy.url.href, way);
      return way.dispatch(options, namingProxy(handler, proxy));
    },
    async destroy() {
      await Promise.all([direct, ...ways.values()].map((way) => way.destroy()));
    },
  };
}

/** Makes a request's handler name the proxy in its error; each request has a handler of its own. */
function namingProxy<Handler extends Record<string, unknown>>(handler: Handler, proxy: Proxy): Handler {
  for (const name of ['onError', 'onResponseError']) {
    const original = handler[name];
    if (typeof original !== 'function') continue;
    Object.assign(handler, {
      [name]: (...given: unknown[]) => original.apply(handler, [...given.slice(0, -1), named(given.at(-1))]),
    });
  }
  return handler;

  function named(error: unknown): unknown {
    if (!(error instanceof Error)) return error;
    const { code } = error as NodeJS.ErrnoException;
    // Where several addresses were tried the message is empty.
    const what = error.message || code || error.name;
    return Object.assign(new Error(throughProxy(what, proxy), { cause: error }), { code });
  }
}
