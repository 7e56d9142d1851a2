import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { hasCode, reasonOf } from '../../core/errors.ts';
import { EncodingError, isEncoded, plainBody } from '../../core/http/content-encoding.ts';
import { shownSize } from '../../core/units.ts';
import {
  type Address,
  addressOf,
  CONNECT_TIMEOUT_MS,
  type Connections,
  describeFailure,
  headerOf,
  type Prepared,
} from './http.ts';
import { watchSignal } from './signal-watch.ts';
import { createStoppable } from './stop-request.ts';

/** One HTTP exchange as a value: what came back, or why nothing did. Knows nothing of iLink. */

/**
 * Why there is no answer. `timeout`: no headers came in time. `aborted`: before they came. `encoded`: it cannot be
 * decoded. `network`: all else, a body that breaks off included.
 */
export type HttpFailure = 'timeout' | 'aborted' | 'network' | 'too-large' | 'encoded';

/** A complete answer; its header fields are read by `headerOf`. */
export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  /** The body as it came. */
  bytes: Buffer;
}

/** What to send, and how long and how large the answer may be. */
export interface HttpRequest {
  method: 'GET' | 'POST';
  /** Who asks the same address often splits it once. */
  url: string | Address;
  headers: Record<string, string>;
  body?: Buffer | string | BodyStream;
  /** Bounds the wait for the headers, then the reading of the body; for a {@link BodyStream} each pause in sending it. */
  timeoutMs: number;
  /** The longest body that is an answer, as it comes and in plain form. */
  maxBytes: number;
  /** So much of a longer one is read all the same and comes with the failure; absent: it is given up at once. */
  keepBytes?: number;
  /** Ends it, and loses no answer that the server has begun by then (stop-request.ts). */
  signal?: AbortSignal | undefined;
}

/** What became of a request. `unsent`: nothing of it was written to any connection, so nobody can have acted on it. */
export type HttpResult =
  | { ok: true; answer: HttpAnswer }
  /** `bytes`: what has come of the body. */
  | { ok: false; failure: HttpFailure; detail: string; bytes?: Buffer; unsent?: true };

/** Sends the request and reads its answer. Follows no redirect, never rejects. */
export function exchange(connections: Connections, request: HttpRequest): Promise<HttpResult> {
  const { method, signal, timeoutMs, maxBytes, keepBytes = 0 } = request;
  if (signal?.aborted) return Promise.resolve(unsent(failed('aborted', 'stopped before it was sent')));
  return new Promise((resolve) => {
    let prepared: Prepared | null = null;
    let answer: IncomingMessage | null = null;
    let head: Pick<HttpAnswer, 'status' | 'headers'> | null = null;
    let sizeBytes = 0;
    const chunks: Buffer[] = [];

    const settle = (result: HttpResult) => {
      stoppable.over();
      clearTimeout(timer);
      unwatch?.();
      resolve(result);
    };
    const fail = (failure: HttpFailure, detail: string) => {
      if (stoppable.state === 'over') return;
      const come = chunks.length > 0 && { bytes: Buffer.concat(chunks) };
      const ended = { ...failed(failure, detail), ...come };
      settle(stoppable.state === 'connecting' ? unsent(ended) : ended);
      prepared?.request.destroy();
    };
    const answered = (to: Pick<HttpAnswer, 'status' | 'headers'>, bytes: Buffer, plain: Buffer) => {
      if (stoppable.state !== 'over')
        settle({ ok: true, answer: { body: plain.toString('utf8'), bytes, ...to } });
    };
    const broken = (error: unknown) => {
      // What comes behind the end of an answer harms its connection only; the answer is about to be read.
      if (answer?.complete) return;
      if (stoppable.state === 'half-closed') stopped();
      else if (head && hasCode(error, 'ECONNRESET')) cutOff();
      else fail('network', describeFailure(error, prepared?.proxy));
    };
    const tooLarge = () => fail('too-large', `the answer is longer than ${shownSize(maxBytes)}`);
    const stopped = () => fail('aborted', 'stopped while waiting for an answer');
    const cutOff = () => fail('network', 'the response ended half-way');
    const stoppable = createStoppable({ aborted: stopped, cutOff });
    const unwatch = signal && watchSignal(signal, stoppable.stop);

    const connectMs = Math.min(timeoutMs, CONNECT_TIMEOUT_MS);
    let timer = setTimeout(() => fail('network', `no connection within ${connectMs} ms`), connectMs);
    const onConnected = (connection: Socket) => {
      if (stoppable.state === 'over' || !prepared) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (head) cutOff();
        else fail('timeout', `no answer within ${timeoutMs} ms`);
      }, timeoutMs);
      stoppable.sent(isStream(request.body) ? null : connection);
      sendBody(prepared.request, request.body, { onTaken: () => head || timer.refresh(), onError: broken });
    };
    const onResponse = (response: IncomingMessage) => {
      const { statusCode = 0, headers } = response;
      answer = response;
      head = { status: statusCode, headers };
      stoppable.head();
      timer.refresh();
      response
        .on('error', broken)
        .on('data', (chunk: Buffer) => {
          sizeBytes += chunk.length;
          stoppable.data();
          if (sizeBytes <= Math.max(maxBytes, keepBytes)) chunks.push(chunk);
          else tooLarge();
        })
        .on('end', onEnd);
      if (keepBytes === 0 && Number(headerOf(head, 'content-length') ?? 0) > maxBytes) tooLarge();
    };
    const onEnd = () => {
      if (!head || stoppable.state === 'over') return;
      if (sizeBytes > maxBytes) return tooLarge();
      const bytes = bytesOf(chunks);
      const encoding = headerOf(head, 'content-encoding');
      if (!isEncoded(bytes, encoding)) return answered(head, bytes, bytes);
      plainBody(bytes, encoding, maxBytes).then(
        (plain) => head && answered(head, bytes, plain),
        (error) => fail(faultOf(error), reasonOf(error)),
      );
    };
    try {
      const address = addressOf(request.url);
      prepared = connections.prepare({ method, address, headers: headersOf(request) });
      whenConnected(prepared.request, onConnected);
      prepared.request
        .on('response', onResponse)
        .on('error', broken)
        // As after an answer that wants another protocol.
        .on('close', () => head || broken(new Error('the connection was closed')));
    } catch (error) {
      broken(error);
    }
  });
}

/** Calls `then` as soon as the request has a connection that stands. */
function whenConnected(request: ClientRequest, then: (connection: Socket) => void): void {
  request.once('socket', (socket: Socket) => {
    if (request.reusedSocket) then(socket);
    else if (request.protocol === 'https:') socket.once('secureConnect', () => then(socket));
    else if (socket.connecting) socket.once('connect', () => then(socket));
    else then(socket);
  });
}

/** Sends all of a request; `onTaken` is called whenever the connection has taken a chunk of a stream. */
function sendBody(
  request: ClientRequest,
  body: HttpRequest['body'],
  on: { onTaken: () => void; onError: (error: unknown) => void },
): void {
  if (!isStream(body)) request.end(body);
  else pipeline(Readable.from(takenChunks(body, on.onTaken)).on('error', on.onError), request, () => {});
}

/** A request that came to nothing, as a value. */
export function failed(failure: HttpFailure, detail: string): Extract<HttpResult, { ok: false }> {
  return { ok: false, failure, detail };
}

/** The same of a request that never left. */
export function unsent(result: HttpResult & { ok: false }): HttpResult & { ok: false } {
  return { ...result, unsent: true };
}

function isStream(body: HttpRequest['body']): body is BodyStream {
  return body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body);
}

/** With the length where Node cannot tell it by itself. */
function headersOf({ body, headers }: HttpRequest): Record<string, string> {
  return isStream(body) ? { ...headers, 'content-length': String(body.sizeBytes) } : headers;
}

function bytesOf(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks;
  return chunks.length === 1 && first ? first : Buffer.concat(chunks);
}

function faultOf(error: unknown): HttpFailure {
  return error instanceof EncodingError && error.fault === 'too-large' ? 'too-large' : 'encoded';
}

/** A request body that is made while it is sent: never whole in memory, its length known beforehand. */
export interface BodyStream {
  sizeBytes: number;
  /** Read once. When it throws, the request ends as `network`. */
  chunks: AsyncIterable<Uint8Array>;
}

/** The chunks of a body; `onTaken` is called whenever the connection has taken one and wants the next. */
async function* takenChunks(
  { chunks }: BodyStream,
  onTaken: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    yield chunk;
    onTaken();
  }
}
