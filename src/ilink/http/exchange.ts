import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { reasonOf } from '../../core/errors.ts';
import { EncodingError, isEncoded, plainBody } from '../../core/http/content-encoding.ts';
import { systemClock } from '../../core/time/clock.ts';
import { shownSize } from '../../core/units.ts';
import { type BodyStream, takenChunks } from './body-stream.ts';
import { type Address, addressOf, describeFailure, headerOf } from './http.ts';
import { takeConnection } from './sent-over.ts';
import { watchSignal } from './signal-watch.ts';

/**
 * One HTTP exchange as a value: what came back, or why nothing did. Knows nothing of iLink. It takes what undici's
 * dispatcher tells as it comes: `request()` makes a stream of each body and needs a signal for each request, which is
 * a fifth of what a small exchange costs.
 */

/**
 * Why there is no answer. `timeout`: it was sent, and no response headers came in time. `aborted`: the signal
 * fired before they came. `too-large`: the body is longer than allowed. `encoded`: it cannot be decoded. `network`:
 * everything else, a body that breaks off or stalls included.
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

/** A request that was sent and has no answer for so long is held: a server that has something to say says it sooner. */
export const HELD_AFTER_MS = 500;

/** At a stop an answer that has begun is heard to its end, unless nothing more of it comes for so long. */
const STALLED_AFTER_MS = 5_000;

/** What to send, and how long and how large the answer may be. */
export interface HttpRequest {
  method: 'GET' | 'POST';
  /** Who asks the same address often splits it once. */
  url: string | Address;
  headers: Record<string, string>;
  body?: Buffer | string | BodyStream;
  /**
   * Bounds the wait for the headers, and after them the reading of the body. For a {@link BodyStream} the longest time
   * in which the connection takes nothing of it.
   */
  timeoutMs: number;
  /** The longest body that is an answer, as it comes and in plain form. */
  maxBytes: number;
  /** So much of a longer one is read all the same and comes with the failure; absent: it is given up at once. */
  keepBytes?: number;
  /**
   * Ends it, and loses no answer that the server has begun by then, because it would not be sent again (protocol 3.2):
   * at once where nothing was sent yet; else when it is held, and the server has heard that nobody waits any more, or
   * when the answer is here or stalls.
   */
  signal?: AbortSignal | undefined;
}

/** What became of a request. `unsent`: nothing of it was written to any connection, so nobody can have acted on it. */
export type HttpResult =
  | { ok: true; answer: HttpAnswer }
  /** `bytes`: what has come of the body. */
  | { ok: false; failure: HttpFailure; detail: string; bytes?: Buffer; unsent?: true };

/** Sends the request and reads its answer. Follows no redirect, never rejects. */
export function exchange(dispatcher: Dispatcher, request: HttpRequest): Promise<HttpResult> {
  const { method, signal, timeoutMs, maxBytes, keepBytes = 0 } = request;
  if (signal?.aborted) return Promise.resolve(unsent(failed('aborted', 'stopped before it was sent')));
  return new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | null = null;
    let connection: Socket | null = null;
    let sentAtMs = 0;
    let isLetGo = false;
    let patience: NodeJS.Timeout | undefined;
    let body: SentBody = null;
    let head: Pick<HttpAnswer, 'status' | 'headers'> | null = null;
    let sizeBytes = 0;
    const chunks: Buffer[] = [];
    let isOver = false;

    const settle = (result: HttpResult) => {
      isOver = true;
      clearTimeout(timer);
      clearTimeout(patience);
      unwatch?.();
      // Nothing more can be sent over it; undici would try.
      if (isLetGo) setImmediate(() => connection?.destroy());
      resolve(result);
    };
    const fail = (failure: HttpFailure, detail: string) => {
      if (isOver) return;
      const come = chunks.length > 0 && { bytes: Buffer.concat(chunks) };
      const ended = { ...failed(failure, detail), ...come };
      settle(controller ? ended : unsent(ended));
      // What waits for a connection has no controller yet: it is not sent when it gets one.
      controller?.abort(new Error(detail));
      if (body instanceof Readable) body.destroy();
    };
    const answered = (to: Pick<HttpAnswer, 'status' | 'headers'>, bytes: Buffer, plain: Buffer) => {
      if (!isOver) settle({ ok: true, answer: { ...to, body: plain.toString('utf8'), bytes } });
    };
    const tooLarge = () => fail('too-large', `the answer is longer than ${shownSize(maxBytes)}`);
    const timer = setTimeout(() => {
      if (head) fail('network', 'the answer stopped half-way');
      else if (controller) fail('timeout', `no answer within ${timeoutMs} ms`);
      else fail('network', `no connection within ${timeoutMs} ms`);
    }, timeoutMs);
    const stop = () => fail('aborted', 'stopped while waiting for an answer');
    // Our end of the connection closes: what was written before the server sees that still comes, and then its end.
    const letGo = () => {
      if (head || isOver) return;
      if (!connection || body instanceof Readable) return stop();
      isLetGo = true;
      connection.end();
      patience = setTimeout(stop, HELD_AFTER_MS);
    };
    // An answer may lie unread in the socket: two turns of the event loop read it, or its head. The server may break off
    // what it has begun when it sees the end.
    const letGoWhenRead = () => setImmediate(() => setImmediate(letGo));
    const hearOut = () => {
      clearTimeout(patience);
      patience = setTimeout(() => fail('network', 'the answer stopped half-way'), STALLED_AFTER_MS);
    };
    const onStop = () => {
      const leftMs = sentAtMs + HELD_AFTER_MS - systemClock.monotonic();
      if (head) hearOut();
      else if (!controller) stop();
      else if (leftMs <= 0) letGoWhenRead();
      else patience = setTimeout(letGoWhenRead, leftMs);
    };
    const unwatch = signal && watchSignal(signal, onStop);

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        if (isOver) started.abort(new Error('over before it was sent'));
        else {
          controller = started;
          sentAtMs = systemClock.monotonic();
          if (signal) takeConnection((taken) => (connection = taken));
        }
      },
      onResponseStart(_, status, headers) {
        if (status < 200) return;
        head = { status, headers };
        if (signal?.aborted) hearOut();
        timer.refresh();
        if (keepBytes === 0 && Number(headerOf(head, 'content-length') ?? 0) > maxBytes) tooLarge();
      },
      onResponseData(_, chunk) {
        sizeBytes += chunk.length;
        patience?.refresh();
        if (sizeBytes <= Math.max(maxBytes, keepBytes)) chunks.push(chunk);
        else tooLarge();
      },
      onResponseEnd() {
        if (!head || isOver) return;
        if (sizeBytes > maxBytes) return tooLarge();
        const bytes = bytesOf(chunks);
        const encoding = headerOf(head, 'content-encoding');
        if (!isEncoded(bytes, encoding)) return answered(head, bytes, bytes);
        plainBody(bytes, encoding, maxBytes).then(
          (plain) => head && answered(head, bytes, plain),
          (error) => fail(faultOf(error), reasonOf(error)),
        );
      },
      onResponseError(_, error) {
        if (isLetGo && !head) stop();
        else fail('network', describeFailure(error));
      },
    };
    try {
      const { origin, path } = addressOf(request.url);
      body = bodyOf(request, () => head || timer.refresh());
      dispatcher.dispatch({ origin, path, method, headers: headersOf(request), body }, handler);
    } catch (error) {
      fail('network', describeFailure(error));
    }
  });
}

/** A request that came to nothing, as a value. */
export function failed(failure: HttpFailure, detail: string): Extract<HttpResult, { ok: false }> {
  return { ok: false, failure, detail };
}

/** The same of a request that never left. */
export function unsent(result: HttpResult & { ok: false }): HttpResult & { ok: false } {
  return { ...result, unsent: true };
}

/** A body as undici takes it. */
type SentBody = Readable | Buffer | string | null;

function bodyOf({ body }: HttpRequest, onTaken: () => void): SentBody {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) return body ?? null;
  // Its errors end the request; undici listens for them only while it has one.
  return Readable.from(takenChunks(body, onTaken)).on('error', () => {});
}

/** With the length where undici cannot tell it by itself. */
function headersOf({ body, headers }: HttpRequest): Record<string, string> {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) return headers;
  return { ...headers, 'content-length': String(body.sizeBytes) };
}

function bytesOf(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks;
  return chunks.length === 1 && first ? first : Buffer.concat(chunks);
}

function faultOf(error: unknown): HttpFailure {
  return error instanceof EncodingError && error.fault === 'too-large' ? 'too-large' : 'encoded';
}
