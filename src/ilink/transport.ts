import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { type BodyStream, takenChunks } from './body-stream.ts';
import { describeFailure, openDispatcher, type ProxySetting, plainHeaders, sendRequest } from './http.ts';
import { type OpenRequest, type OpenResult, openBody } from './open-body.ts';

/**
 * One HTTP exchange as a value: what came back, or why nothing did. Knows nothing of iLink.
 */

/**
 * Why there is no answer. `timeout`: no response headers in time. `aborted`: the signal fired before
 * they came. `too-large`: the body is longer than allowed. `network`: everything else, a body that
 * breaks off or stalls included.
 */
export type HttpFailure = 'timeout' | 'aborted' | 'network' | 'too-large';

/** A complete answer; header names are in lower case. */
export interface HttpAnswer {
  status: number;
  headers: Record<string, string | undefined>;
  body: string;
}

/** What to send, and how long and how large the answer may be. */
export interface HttpRequest {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  body?: Buffer | string | BodyStream;
  /**
   * Bounds the wait for the headers, and after them the reading of the body. For a {@link BodyStream} the longest time
   * in which the connection takes nothing of it.
   */
  timeoutMs: number;
  maxBytes: number;
  signal?: AbortSignal | undefined;
}

/** What became of a request. */
export type HttpResult =
  | { ok: true; answer: HttpAnswer }
  | { ok: false; failure: HttpFailure; detail: string };

/** Sends requests over kept-alive connections; never follows a redirect, never throws. */
export interface Transport {
  send(request: HttpRequest): Promise<HttpResult>;
  /** GETs an answer whose body is read as it arrives. */
  open(request: OpenRequest): Promise<OpenResult>;
  /** Closes all connections at once; requests still open end as `network`. */
  close(): Promise<void>;
}

/** Opens a transport; one serves all accounts of a process. */
export function createTransport(options: { proxy?: ProxySetting } = {}): Transport {
  const opening = openDispatcher(options.proxy ?? 'none');
  opening.catch(() => {}); // told by every send
  return {
    async send(request) {
      let dispatcher: Dispatcher;
      try {
        dispatcher = await opening;
      } catch (error) {
        return failed('network', describeFailure(error));
      }
      return exchange(dispatcher, request);
    },
    async open(request) {
      let dispatcher: Dispatcher;
      try {
        dispatcher = await opening;
      } catch (error) {
        return { ok: false, detail: describeFailure(error) };
      }
      return openBody(dispatcher, request);
    },
    async close() {
      await (await opening).destroy();
    },
  };
}

async function exchange(dispatcher: Dispatcher, request: HttpRequest): Promise<HttpResult> {
  const { signal, timeoutMs } = request;
  if (signal?.aborted) return failed('aborted', 'stopped before it was sent');
  const cut = new AbortController();
  let headersIn = false;
  let cause: 'timeout' | 'aborted' | null = null;
  const end = (why: 'timeout' | 'aborted') => {
    if (headersIn && why === 'aborted') return;
    cause ??= why;
    cut.abort();
  };
  const timer = setTimeout(end, timeoutMs, 'timeout');
  // A response may already lie unread in the socket: two turns of the event loop read it before the cut,
  // because what it carries will not be sent again (protocol 3.2).
  const onAbort = () => setImmediate(() => setImmediate(end, 'aborted'));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const url = new URL(request.url);
    const content = bodyOf(request, () => headersIn || timer.refresh());
    const response = await sendRequest(dispatcher, {
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: request.method,
      ...content,
      signal: cut.signal,
    });
    headersIn = true;
    signal?.removeEventListener('abort', onAbort);
    timer.refresh();
    const headers = plainHeaders(response.headers);
    const declaredBytes = Number(headers['content-length'] ?? 0);
    const body = declaredBytes > request.maxBytes ? null : await readBody(response.body, request.maxBytes);
    if (body === null) {
      response.body.on('error', () => {}).destroy();
      return failed('too-large', `the answer is longer than ${request.maxBytes} bytes`);
    }
    return { ok: true, answer: { status: response.statusCode, headers, body } };
  } catch (error) {
    if (headersIn) return failed('network', cause ? 'the answer stopped half-way' : describeFailure(error));
    if (cause === 'aborted') return failed('aborted', 'stopped while waiting for an answer');
    if (cause === 'timeout') return failed('timeout', `no answer within ${timeoutMs} ms`);
    return failed('network', describeFailure(error));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** The body as undici takes it, and the headers where it cannot tell the length by itself. */
function bodyOf(
  { body, headers }: HttpRequest,
  onTaken: () => void,
): { body: Readable | Buffer | string | null; headers: Record<string, string> } {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body))
    return { body: body ?? null, headers };
  return {
    body: Readable.from(takenChunks(body, onTaken)),
    headers: { ...headers, 'content-length': String(body.sizeBytes) },
  };
}

function failed(failure: HttpFailure, detail: string): HttpResult {
  return { ok: false, failure, detail };
}

/** The whole body as text, or null as soon as it exceeds `maxBytes`. */
function readBody(body: Readable, maxBytes: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  return new Promise((resolve, reject) => {
    body.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) resolve(null);
      else chunks.push(chunk);
    });
    body.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    body.on('error', reject);
  });
}
