import type { RequestListener, Server } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { codeOf, hasCode, reasonOf, WxError } from '../core/errors.ts';
import type { Certificate } from '../core/http/certificate.ts';
import { MOST_HEADER_BYTES } from '../core/http/this-machine.ts';
import type { ListenAddress } from './guard/listen-address.ts';

/** The most connections at the same time. */
const MAX_CONNECTIONS = 512;
/** Who sends no headers for so long, or nothing at all while a body is due, is cut off. */
const HEADERS_MS = 10_000;
const SILENCE_MS = 2 * 60_000;
/** Longer than proxies keep connections that they do not use: they never send into one that closes just then. */
const IDLE_MS = 65_000;
/** How long answers on their way may take when the server ends. */
const CLOSE_MS = 1_000;

/** A server that listens. Requests wait until it is known how they are answered. */
export interface Listening {
  /** Its own address, with the port it has. */
  url: string;
  /** How requests are answered from now on, those that wait first. It is loaded with the first request. */
  answerBy(load: () => Promise<RequestListener>): void;
  /** Takes no more requests. `endAnswers` ends the answers that do not end by themselves. */
  close(endAnswers?: () => void): Promise<void>;
}

/** Begins to listen where `flag` says. Throws WxError `cannot-create` for a port in use, `usage` for another machine. */
export async function takePort(
  listen: ListenAddress,
  certificate: Certificate | null,
  flag: string,
): Promise<Listening> {
  // Not by an import, for the reason that is in ilink/http/http.ts: a runner has this beside its first messages.
  const options = { maxHeaderSize: MOST_HEADER_BYTES };
  const server = certificate
    ? process
        .getBuiltinModule('node:https')
        .createServer({ ...options, cert: certificate.cert, key: certificate.key })
    : process.getBuiltinModule('node:http').createServer(options);
  server.maxConnections = MAX_CONNECTIONS;
  server.headersTimeout = HEADERS_MS;
  // A large file may take as long as it comes forward.
  server.requestTimeout = 0;
  server.timeout = SILENCE_MS;
  server.keepAliveTimeout = IDLE_MS;
  const waiting: Parameters<RequestListener>[] = [];
  let load: (() => Promise<RequestListener>) | null = null;
  const wait: RequestListener = (...request) => {
    waiting.push(request);
    void answerThose();
  };
  server.on('request', wait);
  await listenOn(server, listen, flag);

  async function answerThose(): Promise<void> {
    if (load === null || waiting.length === 0) return;
    const loading = load;
    load = null;
    const listener = await loading();
    server.off('request', wait);
    server.on('request', listener);
    for (const request of waiting.splice(0)) listener(...request);
  }

  const { port } = server.address() as AddressInfo;
  const host = isIP(listen.host) === 6 ? `[${listen.host}]` : listen.host;
  return {
    url: `${certificate ? 'https' : 'http'}://${host}:${port}`,
    answerBy(loading) {
      load = loading;
      void answerThose();
    },
    async close(endAnswers) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      endAnswers?.();
      server.closeIdleConnections();
      const late = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
      await closed;
      clearTimeout(late);
    },
  };
}

function listenOn(server: Server, { host, port }: ListenAddress, flag: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const isForeign = ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'].includes(codeOf(cause));
      reject(
        isForeign
          ? new WxError('usage', `${host} is not an address of this machine`, {
              hint: `${flag} 127.0.0.1:7788`,
              cause,
            })
          : new WxError('cannot-create', `cannot listen on ${host}:${port}: ${whyNot(cause)}`, {
              hint: `${flag} ${host}:<a free port>`,
              cause,
            }),
      );
    });
    server.listen(port, host, () => resolve());
  });
}

function whyNot(cause: unknown): string {
  return hasCode(cause, 'EADDRINUSE') ? 'another program listens there' : reasonOf(cause);
}
