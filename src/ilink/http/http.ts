/**
 * The parts of undici that are used, loaded file by file: `from 'undici'` also loads fetch,
 * WebSocket, caches and mocks, and costs 40 ms at every start.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import Agent from 'undici/lib/dispatcher/agent.js';
import { credentialsOf, type ProxyRules, routed } from '../../core/http/proxy.ts';

/**
 * Shorter than the shortest poll (10 s), so that a host nobody can connect to
 * is a network failure and never looks like a poll without messages.
 */
const CONNECT_TIMEOUT_MS = 8_000;

/** Timeouts of requests are the caller's: undici's own run in steps of a second. */
const AGENT_OPTIONS = { headersTimeout: 0, bodyTimeout: 0, connectTimeout: CONNECT_TIMEOUT_MS };

/** Opens a keep-alive connection pool; the code for proxies is loaded only when one is set. */
export async function openDispatcher(proxies: ProxyRules): Promise<Dispatcher> {
  const direct = new Agent(AGENT_OPTIONS);
  if (!proxies.any) return direct;
  const { ProxyAgent } = await import('./proxy-agent.ts');
  return routed<Dispatcher>(
    proxies,
    direct,
    (proxy) => new ProxyAgent({ ...AGENT_OPTIONS, ...credentialsOf(proxy), uri: proxy.url.href }),
  ) as Dispatcher;
}

/** Where a request goes, as undici takes it. */
export interface Address {
  origin: string;
  /** With the query. */
  path: string;
}

/** @throws TypeError when the text is no URL */
export function addressOf(url: string | Address): Address {
  if (typeof url !== 'string') return url;
  const { origin, pathname, search } = new URL(url);
  return { origin, path: `${pathname}${search}` };
}

/** A header field of an answer as one text; its name in lower case. */
export function headerOf({ headers }: { headers: IncomingHttpHeaders }, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** Why a request failed, in one line and without the address: that may carry a secret. */
export function describeFailure(error: unknown): string {
  // When several addresses of a host were tried, the message is empty and the reasons are inside.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message || first.name : String(first);
}
