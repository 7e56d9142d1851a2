import { NO_PROXIES, type ProxyRules } from '../../core/http/proxy.ts';
import { exchange, failed, type HttpRequest, type HttpResult, unsent } from './exchange.ts';
import { type Connections, describeFailure, headerOf, openConnections } from './http.ts';
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

/** Opens a transport; one serves all accounts of a process. `onTime` is told what time it is where the answers come from. */
export function createTransport(
  options: { proxies?: ProxyRules; onTime?: ((serverMs: number) => void) | undefined } = {},
): Transport {
  /** The `Date` of the last answer: one a second is new. */
  let heard = '';
  function hear(result: HttpResult): HttpResult {
    const date = result.ok ? headerOf(result.answer, 'date') : undefined;
    if (!options.onTime || date === undefined || date === heard) return result;
    heard = date;
    const atMs = Date.parse(date);
    // An answer that was kept on the way is from another time.
    if (Number.isFinite(atMs) && result.ok && headerOf(result.answer, 'age') === undefined)
      options.onTime(atMs);
    return result;
  }
  let opened: Connections | null = null;
  const opening = openConnections(options.proxies ?? NO_PROXIES);
  opening.then(
    (connections) => {
      opened = connections;
    },
    () => {}, // told by every send
  );
  return {
    send(request) {
      if (opened) return exchange(opened, request).then(hear);
      return opening.then(
        (connections) => exchange(connections, request).then(hear),
        (error) => unsent(failed('network', describeFailure(error))),
      );
    },
    open: (request) =>
      opening.then(
        (connections) => openBody(connections, request),
        (error) => ({ ok: false, detail: describeFailure(error) }),
      ),
    async close() {
      (await opening).close();
    },
  };
}
