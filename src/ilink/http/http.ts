import type {
  AgentOptions,
  ClientRequest,
  Agent as HttpAgent,
  IncomingHttpHeaders,
  RequestOptions,
} from 'node:http';
import { codeOf } from '../../core/errors.ts';
import { type ProxyRules, throughProxy, type Proxy as ViaProxy } from '../../core/http/proxy.ts';

/** Connections that are kept alive, by Node's own client: undici takes five times as long to load. */

/** Shorter than the shortest poll (10 s): a host that cannot be reached must not look like a poll without messages. */
export const CONNECT_TIMEOUT_MS = 8_000;

/** Loaded with the first request, which many commands never make; by an import Node 22 would load all of its undici. */
const CLIENTS = {
  'http:': () => process.getBuiltinModule('node:http'),
  'https:': () => process.getBuiltinModule('node:https'),
};

/** A connection at rest is closed before a server does it: what is sent over one that is being closed is lost. */
const AGENT_OPTIONS: AgentOptions = { keepAlive: true, timeout: 4_000 };

/** What to ask whom. */
export interface RequestHead {
  method: 'GET' | 'POST';
  address: Address;
  headers: Record<string, string>;
}

/** A request that has nothing sent before its `end()` or its first byte, and the proxy that it takes. */
export interface Prepared {
  request: ClientRequest;
  proxy: ViaProxy | null;
}

/** Where requests go through. */
export interface Connections {
  /** Asks for a connection. Throws where no such request can be made. */
  prepare(head: RequestHead): Prepared;
  /** Ends every request and closes all connections. */
  close(): void;
}

/** What asks without a proxy. */
interface Direct {
  request: (options: RequestOptions) => ClientRequest;
  agent: HttpAgent;
}

/** Opens a pool of connections; the code for proxies is loaded only when one is set. */
export async function openConnections(proxies: ProxyRules): Promise<Connections> {
  const direct = new Map<Address['protocol'], Direct>();
  const through = proxies.any ? await import('./proxy-agent.ts') : null;
  const agents = new Map<string, HttpAgent>();
  const open = new Set<ClientRequest>();
  let isClosed = false;

  function directly(protocol: Address['protocol']): Direct {
    const known = direct.get(protocol);
    if (known) return known;
    const { Agent, request } = CLIENTS[protocol]();
    const made = { request, agent: new Agent(AGENT_OPTIONS) };
    direct.set(protocol, made);
    return made;
  }

  function agentOf(proxy: ViaProxy): HttpAgent | undefined {
    const { href } = proxy.url;
    const agent = agents.get(href) ?? through?.openProxyAgent(proxy.url, AGENT_OPTIONS);
    if (agent) agents.set(href, agent);
    return agent;
  }

  return {
    prepare({ method, address, headers }) {
      if (isClosed) throw new Error('the connections are closed');
      const { protocol, origin, hostname, port, path } = address;
      const proxy = proxies.any ? proxies.proxyFor(new URL(origin)) : null;
      const client = directly(protocol);
      const agent = (proxy && agentOf(proxy)) ?? client.agent;
      const request = client.request({ protocol, method, hostname, port, path, headers, agent });
      open.add(request);
      request.once('close', () => open.delete(request));
      // What a proxy answers to the wish for a tunnel is no answer of the server.
      request.once('proxyConnect', ({ statusCode, statusText }) => {
        if (statusCode !== 200) request.destroy(new Error(`the proxy answers ${statusCode} ${statusText}`));
      });
      return { request, proxy };
    },
    close() {
      isClosed = true;
      for (const request of open) request.destroy(new Error('the connections are closed'));
      for (const { agent } of direct.values()) agent.destroy();
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

/** Whom a request goes to, taken apart. */
export interface Address {
  protocol: 'http:' | 'https:';
  origin: string;
  hostname: string;
  port: string;
  /** With the query. */
  path: string;
}

/** Throws TypeError when the text is no URL of HTTP. */
export function addressOf(url: string | Address): Address {
  if (typeof url !== 'string') return url;
  const { protocol, origin, hostname, port, pathname, search } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') throw new TypeError(`${protocol}// is not HTTP`);
  return { protocol, origin, hostname: hostname.replace(/^\[|\]$/g, ''), port, path: `${pathname}${search}` };
}

/** A header field of an answer as one text; its name in lower case. */
export function headerOf({ headers }: { headers: IncomingHttpHeaders }, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** Why a request failed, in one line and without the address: that may carry a secret. */
export function describeFailure(error: unknown, proxy: ViaProxy | null = null): string {
  // When several addresses of a host were tried, the message is empty and the reasons are inside.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const reason = ['EMFILE', 'ENFILE'].includes(codeOf(first))
    ? 'too many open files (ulimit -n)'
    : first instanceof Error
      ? first.message || first.name
      : String(first);
  return proxy ? throughProxy(reason, proxy) : reason;
}
