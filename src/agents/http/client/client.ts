import type { LookupFunction } from 'node:net';
import type { Dispatcher } from 'undici';
import { credentialsOf, proxiesOf, routed } from '../../../core/http/proxy.ts';
import type { Environment } from '../../child/environment.ts';

/** Sends requests over kept-alive connections. */
export interface HttpClient {
  request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>;
  close(): Promise<void>;
}

/** Timeouts in milliseconds (0: none), and how names are resolved where no proxy does it. */
export interface HttpClientOptions {
  headersTimeout: number;
  bodyTimeout: number;
  connect?: { lookup: LookupFunction };
}

/** Opens a client whose connections are kept alive; proxies are those of the environment. */
export async function openClient(environment: Environment, options: HttpClientOptions): Promise<HttpClient> {
  const { default: request } = await import('undici/lib/api/api-request.js');
  const dispatcher = await openDispatcher(environment, options);
  return {
    request: (options) => request.call(dispatcher, options),
    close: () => dispatcher.destroy(),
  };
}

/** A turn's own limit bounds its whole exchange: an agent may think for minutes before it says a word. */
export const UNLIMITED: HttpClientOptions = { headersTimeout: 0, bodyTimeout: 0 };

/**
 * Kept-alive connections, through the proxies that the environment names (contract 1). Without one two files of undici
 * do; the whole of it also loads fetch, WebSocket, caches and mocks.
 */
async function openDispatcher(environment: Environment, options: HttpClientOptions): Promise<Dispatcher> {
  const proxies = proxiesOf(environment);
  const { default: Agent } = await import('undici/lib/dispatcher/agent.js');
  const direct = new Agent(options);
  if (!proxies.any) return direct;
  const { ProxyAgent } = await import('./proxy-agent.ts');
  return routed<Dispatcher>(
    proxies,
    direct,
    (proxy) => new ProxyAgent({ ...options, ...credentialsOf(proxy), uri: proxy.url.href }),
  ) as Dispatcher;
}
