import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, isIP } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { codeOf, hasCode, reasonOf, WxError } from '../core/errors.ts';
import type { Certificate } from '../core/http/certificate.ts';
import { type ListenAddress, namesOf, type TrustedProxies } from './guard/listen-address.ts';
import type { WebBackend } from './port/backend.ts';
import { createWeb } from './server.ts';

/** The most connections at the same time. */
const MAX_CONNECTIONS = 512;
/** Who sends no headers for so long, or nothing at all while a body is due, is cut off. */
const HEADERS_MS = 10_000;
const SILENCE_MS = 2 * 60_000;
/** How long answers on their way may take when the server ends. */
const CLOSE_MS = 1_000;

/** Where and how to serve. */
export interface ServeOptions {
  listen: ListenAddress;
  certificate: Certificate | null;
  publicOrigin: string | null;
  trusted: TrustedProxies;
}

/** A server that listens. */
export interface WebServer {
  /** Its own address, with the port it has. */
  url: string;
  close(): Promise<void>;
}

/** Starts to serve. Throws WxError: `cannot-create` for a port in use, `usage` for an address of another machine. */
export async function serveWeb(backend: WebBackend, options: ServeOptions): Promise<WebServer> {
  const { listen, certificate, publicOrigin, trusted } = options;
  const isNamed = namesOf(listen, publicOrigin, certificate);
  const web = createWeb(backend, { isNamed, publicOrigin, trusted });
  const server = createAdaptorServer({
    fetch: web.app.fetch,
    // Of a request by HTTP/1.0 that names no host.
    hostname: 'localhost',
    // They are those of the runner, too.
    overrideGlobalObjects: false,
    ...(certificate
      ? { createServer: createTlsServer, serverOptions: { cert: certificate.cert, key: certificate.key } }
      : { createServer }),
  }) as Server;
  server.maxConnections = MAX_CONNECTIONS;
  server.headersTimeout = HEADERS_MS;
  // A large file may take as long as it comes forward.
  server.requestTimeout = 0;
  server.timeout = SILENCE_MS;
  await listenOn(server, listen);
  const { port } = server.address() as AddressInfo;
  const host = isIP(listen.host) === 6 ? `[${listen.host}]` : listen.host;
  return {
    url: `${certificate ? 'https' : 'http'}://${host}:${port}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      web.endStreams();
      server.closeIdleConnections();
      const late = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
      await closed;
      clearTimeout(late);
      await web.close();
    },
  };
}

function listenOn(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const isForeign = ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'].includes(codeOf(cause));
      reject(
        isForeign
          ? new WxError('usage', `${host} is not an address of this machine`, {
              hint: '--listen 127.0.0.1:7788',
              cause,
            })
          : new WxError('cannot-create', `cannot listen on ${host}:${port}: ${whyNot(cause)}`, {
              hint: `--listen ${host}:<a free port>`,
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
