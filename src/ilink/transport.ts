import type { Dispatcher } from 'undici';
import { NO_PROXIES, type ProxyRules } from '../core/proxy.ts';
import { exchange, failed, type HttpRequest, type HttpResult } from './exchange.ts';
import { describeFailure, openDispatcher } from './http.ts';
import { type OpenRequest, type OpenResult, openBody } from './open-body.ts';

export type { HttpAnswer, HttpRequest, HttpResult } from './exchange.ts';

/** Sends requests over kept-alive connections; never follows a redirect, never throws. */
export interface Transport {
  send(request: HttpRequest): Promise<HttpResult>;
  /** GETs an answer whose body is read as it arrives. */
  open(request: OpenRequest): Promise<OpenResult>;
  /** Closes all connections at once; requests still open end as `network`. */
  close(): Promise<void>;
}

/** Opens a transport; one serves all accounts of a process. */
export function createTransport(options: { proxies?: ProxyRules } = {}): Transport {
  let opened: Dispatcher | null = null;
  const opening = openDispatcher(options.proxies ?? NO_PROXIES);
  opening.then(
    (dispatcher) => {
      opened = dispatcher;
    },
    () => {}, // told by every send
  );
  return {
    send(request) {
      if (opened) return exchange(opened, request);
      return opening.then(
        (dispatcher) => exchange(dispatcher, request),
        (error) => failed('network', describeFailure(error)),
      );
    },
    open: (request) =>
      opening.then(
        (dispatcher) => openBody(dispatcher, request),
        (error) => ({ ok: false, detail: describeFailure(error) }),
      ),
    async close() {
      await (await opening).destroy();
    },
  };
}
