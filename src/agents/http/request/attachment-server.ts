import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { reasonOf, WxError } from '../../../core/errors.ts';
import { foreignRequest, type OwnAddress } from '../../../core/http/host-check.ts';
import { percentEncoded } from '../../../core/text-bytes.ts';

export interface PublishedFile {
  path: string;
  name: string | null;
  mime: string | null;
}

/** Lets services fetch attachments from this process, each under an address that nobody can guess. */
export interface AttachmentServer {
  /** Makes a file reachable until it is withdrawn. */
  publish(file: PublishedFile): { url: string; withdraw(): void };
  close(): Promise<void>;
}

/** Where the server is found, and where it listens. */
export interface AttachmentHost {
  /** Host as it stands in addresses. */
  host: string;
  /** 0: any free one. */
  port: number;
  /** The interface to listen on; undefined: all. */
  bind: string | undefined;
}

const MAX_CONNECTIONS = 64;

/**
 * Reads `--http-attachments-host`: a name or an address by which the service reaches this machine, with a port or
 * without. An address is also what is listened on, `localhost` is loopback, a name means every interface.
 * Throws WxError `usage` (64).
 */
export function parseAttachmentHost(text: string): AttachmentHost {
  const [, host = '', port = '0'] = /^(\[[^\]]+\]|[^\s:/?#@[\]]+)(?::(\d+))?$/.exec(text) ?? [];
  if (['', '0.0.0.0', '[::]'].includes(host) || !URL.canParse(`http://${text}`)) {
    throw new WxError(
      'usage',
      `--http-attachments-host takes a host, or host:port, by which the service reaches this machine, not "${text}"`,
      { hint: '--http-attachments-host 192.168.1.20:8900' },
    );
  }
  const address = host.replace(/^\[(.*)\]$/, '$1');
  const bind = address === 'localhost' ? '127.0.0.1' : isIP(address) ? address : undefined;
  return { host, port: Number(port), bind };
}

/** Starts the server; it keeps no process alive. Throws WxError `usage` (64) when it cannot listen there. */
export async function openAttachmentServer({ host, port, bind }: AttachmentHost): Promise<AttachmentServer> {
  const files = new Map<string, PublishedFile>();
  const place: OwnAddress = {
    scheme: 'http',
    isNamed: (name) => name === new URL(`http://${host}`).hostname,
  };
  const server = createServer((request, response) => {
    // No page of a browser fetches what a user has sent.
    if (foreignRequest(request.headers, place) !== null)
      return void response.writeHead(403, { connection: 'close' }).end();
    const key = /^\/([^/]+)\//.exec(request.url ?? '')?.[1] ?? '';
    // A client that goes away is no matter of ours.
    answer(request, response, files.get(key)).catch(() => response.destroy());
  });
  server.maxConnections = MAX_CONNECTIONS;
  try {
    server.listen({ port, ...(bind === undefined ? {} : { host: bind }) });
    await once(server, 'listening');
  } catch (error) {
    throw new WxError('usage', `cannot listen on ${host}:${port}: ${reasonOf(error)}`, {
      hint: '--http-attachments-host <a free host:port of this machine>',
    });
  }
  server.unref();
  const origin = `http://${host}:${(server.address() as AddressInfo).port}`;
  return {
    publish(file) {
      const key = randomBytes(32).toString('base64url');
      files.set(key, file);
      // Services look at the end of an address to see what kind of file it is.
      const url = `${origin}/${key}/${percentEncoded(file.name ?? 'file')}`;
      return { url, withdraw: () => void files.delete(key) };
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function answer(
  { method = '' }: IncomingMessage,
  response: ServerResponse,
  file: PublishedFile | undefined,
): Promise<void> {
  // A connection that is kept open would keep the process alive.
  response.setHeader('connection', 'close');
  const handle = file && (await open(file.path).catch(() => null));
  if (!file || !handle) return void response.writeHead(404).end();
  try {
    if (!['GET', 'HEAD'].includes(method)) return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    const { size } = await handle.stat();
    response.writeHead(200, {
      'content-type': file.mime ?? 'application/octet-stream',
      'content-length': size,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    if (method === 'HEAD') return void response.end();
    await pipeline(handle.createReadStream({ autoClose: false }), response);
  } finally {
    await handle.close();
  }
}
