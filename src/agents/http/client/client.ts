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

/** A turn's own limit bounds its whole exchange: an agent may think for minutes before it says a word. */
export const UNLIMITED: HttpClientOptions = { headersTimeout: 0, bodyTimeout: 0 };

/** Opens a client whose connections are kept alive, through the proxies that the environment names. */
export async function openClient(environment: Environment, options: HttpClientOptions): Promise<HttpClient> {
  const { Agent, ProxyAgent, request } = await import('undici');
  const proxies = proxiesOf(environment);
  const direct = new Agent(options);
  const dispatcher = routed<Dispatcher>(
    proxies,
    direct,
    (proxy) => new ProxyAgent({ ...options, ...credentialsOf(proxy), uri: proxy.url.href }),
  ) as Dispatcher;
  return {
    request: ({ origin, path, ...asked }) => request(`${origin}${path}`, { ...asked, dispatcher }),
    close: () => dispatcher.destroy(),
  };
}
