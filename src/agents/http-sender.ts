import type { Dispatcher } from 'undici';
import type { Environment } from './environment.ts';

/** One POST to an agent. */
export interface AgentRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
  signal: AbortSignal;
  /** The longest body worth reading, once status and type are known. */
  limitBytes(contentType: string): number;
}

/** What the agent's server answered; header names are in lower case. */
export interface AgentAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
  /** The body was longer than allowed; then it is incomplete. */
  tooLarge: boolean;
}

/** Sends requests to HTTP agents over kept-alive connections. */
export interface AgentSender {
  /** Rejects when there is no complete answer. Follows no redirect. */
  send(request: AgentRequest): Promise<AgentAnswer>;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** Opens a sender; proxies are those of the environment (contract 1). The HTTP client is loaded by the first request. */
export function createAgentSender(environment: Environment): AgentSender {
  let opening: Promise<HttpClient> | undefined;
  return {
    async send({ url, headers, body, signal, limitBytes }) {
      opening ??= openClient(environment);
      const client = await opening;
      const { origin, pathname, search } = new URL(url);
      const response = await client.request({
        origin,
        path: pathname + search,
        method: 'POST',
        headers,
        body,
        signal,
      });
      const plain = joinHeaders(response.headers);
      const maxBytes = limitBytes(plain['content-type'] ?? '');
      return { status: response.statusCode, headers: plain, ...(await readBody(response.body, maxBytes)) };
    },
    async close() {
      if (opening) await (await opening).close();
    },
  };
}

interface HttpClient {
  request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>;
  close(): Promise<void>;
}

/** Without a proxy two files of undici do; the whole of it also loads fetch, WebSocket, caches and mocks. */
async function openClient(environment: Environment): Promise<HttpClient> {
  const { default: request } = await import('undici/lib/api/api-request.js');
  const dispatcher = await openDispatcher(environment);
  return {
    request: (options) => request.call(dispatcher, options),
    close: () => dispatcher.destroy(),
  };
}

/** Kept-alive connections to agents, without limits of time; through the proxies that the environment names (contract 1). */
export async function openDispatcher(environment: Environment): Promise<Dispatcher> {
  const proxies = {
    // Empty strings, because undici reads the environment itself where it is told nothing.
    httpProxy: environment.http_proxy || environment.HTTP_PROXY || '',
    httpsProxy: environment.https_proxy || environment.HTTPS_PROXY || '',
    noProxy: environment.no_proxy || environment.NO_PROXY || '',
  };
  // The turn's own limit bounds the whole exchange; an agent may think for minutes before it says a word.
  const unlimited = { headersTimeout: 0, bodyTimeout: 0 };
  if (proxies.httpProxy === '' && proxies.httpsProxy === '') {
    const { default: Agent } = await import('undici/lib/dispatcher/agent.js');
    return new Agent(unlimited);
  }
  const { EnvHttpProxyAgent } = await import('undici');
  return new EnvHttpProxyAgent({ ...unlimited, ...proxies });
}

async function readBody(
  body: AsyncIterable<Buffer>,
  maxBytes: number,
): Promise<Pick<AgentAnswer, 'body' | 'tooLarge'>> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) return { body: Buffer.concat(chunks), tooLarge: true };
    chunks.push(chunk);
  }
  return { body: Buffer.concat(chunks), tooLarge: false };
}

function joinHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value ?? '')]));
}
