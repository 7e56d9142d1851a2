import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { isShortage, reasonOf } from '../../../core/errors.ts';
import { fileNameIn } from '../../../core/http/content-disposition.ts';
import { PLAIN_ENCODING, plainChunks } from '../../../core/http/content-encoding.ts';
import { shownSize } from '../../../core/units.ts';
import type { Environment } from '../../child/environment.ts';
import type { FetchedFile, FetchFault } from '../../reply/files.ts';
import { type HttpClient, openClient } from './client.ts';
import { isInsideLiteral, lookupPublic } from './public-address.ts';

/** Largest file that an answer may name by its address. */
const MAX_BYTES = 100 * 1024 * 1024;
/** Longest download; and the longest that nothing may come. */
const TOTAL_MS = 5 * 60_000;
const STALL_MS = 30_000;
const MAX_REDIRECTS = 5;

/** What to fetch for an answer. */
export interface FileRequest {
  url: string;
  /** Scheme, host and port of the agent itself, which may be anywhere; others must be public. */
  ownOrigin: string;
  /** File to be made. */
  path: string;
  /** Ends the download: the turn is over. */
  signal: AbortSignal;
  /** Called whenever something of it arrives. */
  onAlive(): void;
}

/** Fetches files that answers name by their address. */
export interface FileFetcher {
  /** Resolves with what came or what is wrong, and leaves no half file. Rejects for what this machine is short of. */
  fetch(request: FileRequest): Promise<FetchedFile | FetchFault>;
  close(): Promise<void>;
}

/** Opens a fetcher; proxies are those of the environment. The HTTP client is loaded by the first request. */
export function createFileFetcher(environment: Environment): FileFetcher {
  const clients = new Map<'own' | 'public', Promise<HttpClient>>();

  /** Names of other hosts are resolved by {@link lookupPublic}; a proxy resolves them itself. */
  function clientFor(whose: 'own' | 'public'): Promise<HttpClient> {
    const open =
      clients.get(whose) ??
      openClient(environment, {
        headersTimeout: STALL_MS,
        bodyTimeout: STALL_MS,
        ...(whose === 'public' && { connect: { lookup: lookupPublic } }),
      });
    clients.set(whose, open);
    return open;
  }

  async function get(address: URL, isOwn: boolean, signal: AbortSignal) {
    if (address.protocol !== 'http:' && address.protocol !== 'https:') throw new Error('only http and https');
    if (!isOwn && isInsideLiteral(address)) throw new Error(`${address.hostname} is inside this network`);
    const client = await clientFor(isOwn ? 'own' : 'public');
    const { origin, pathname, search } = address;
    return client.request({
      origin,
      path: pathname + search,
      method: 'GET',
      headers: { ...PLAIN_ENCODING, 'user-agent': 'wxagent' },
      signal,
    });
  }

  async function save(request: FileRequest, signal: AbortSignal): Promise<FetchedFile> {
    const { url, ownOrigin, path, onAlive } = request;
    let address = new URL(url);
    let isOwn = true;
    for (let hops = 0; ; hops++) {
      // A stranger's redirect does not lead back in.
      isOwn = isOwn && address.origin === ownOrigin;
      const { statusCode, headers, body } = await get(address, isOwn, signal);
      const { location } = headers;
      if (statusCode >= 300 && statusCode < 400 && typeof location === 'string') {
        await body.dump();
        if (hops === MAX_REDIRECTS) throw new Error(`more than ${MAX_REDIRECTS} redirects`);
        address = new URL(location, address);
        continue;
      }
      if (statusCode !== 200) {
        await body.dump();
        throw new Error(`HTTP ${statusCode}`);
      }
      await pipeline(
        plainChunks(body, String(headers['content-encoding'] ?? '')),
        bounded(MAX_BYTES, onAlive),
        createWriteStream(path, { flags: 'wx', mode: 0o600 }),
      );
      return { name: fileNameIn(String(headers['content-disposition'] ?? '')) };
    }
  }

  return {
    async fetch(request) {
      const late = AbortSignal.timeout(TOTAL_MS);
      try {
        return await save(request, AbortSignal.any([request.signal, late]));
      } catch (error) {
        await rm(request.path, { force: true });
        if (isShortage(error)) throw error;
        const fault = (detail: string): FetchFault => ({ reason: 'unreadable', detail });
        if (request.signal.aborted) return fault('stopped before it was complete');
        if (late.aborted) return fault(`not complete within ${TOTAL_MS / 60_000} minutes`);
        if (error instanceof TooLarge) return { reason: 'too-large', detail: error.message };
        return fault(reasonOf(error) || 'network error');
      }
    },
    async close() {
      for (const client of clients.values()) await (await client).close();
    },
  };
}

/** What ends a download that brings too much. */
class TooLarge extends Error {}

/** Passes chunks on until they are too many. */
function bounded(maxBytes: number, onChunk: () => void) {
  return async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let sizeBytes = 0;
    for await (const chunk of chunks) {
      onChunk();
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw new TooLarge(`larger than ${shownSize(maxBytes)}`);
      yield chunk;
    }
  };
}
