import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { addressOf, describeFailure } from './http.ts';

/** A GET whose answer is read as it arrives: for what is too large to be held. */
export interface OpenRequest {
  url: string;
  headers: Record<string, string>;
  /** Longest wait for the headers, and after them for the next bytes of the body. */
  timeoutMs: number;
  /** Ends the request, and the body too. */
  signal: AbortSignal;
}

/** What came back. Who gets a body reads or destroys it; one that breaks off, stalls or is aborted ends with an error. */
export type OpenResult =
  | { ok: true; status: number; headers: IncomingHttpHeaders; body: Readable }
  | { ok: false; detail: string };

/** Sends the request; resolves when the headers are in. Follows no redirect, never rejects. */
export async function openBody(dispatcher: Dispatcher, request: OpenRequest): Promise<OpenResult> {
  const { signal, timeoutMs } = request;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  try {
    // On use, since few runs download. `dispatcher.request()` is put on the class by undici's index only.
    const { default: send } = await import('undici/lib/api/api-request.js');
    const response = await send.call(dispatcher, {
      ...addressOf(request.url),
      method: 'GET',
      headers: request.headers,
      signal: AbortSignal.any([signal, late.signal]),
      bodyTimeout: timeoutMs,
    });
    return {
      ok: true,
      status: response.statusCode,
      headers: response.headers,
      body: response.body,
    };
  } catch (error) {
    if (signal.aborted) return { ok: false, detail: 'stopped' };
    return {
      ok: false,
      detail: late.signal.aborted ? `no answer within ${timeoutMs} ms` : describeFailure(error),
    };
  } finally {
    clearTimeout(timer);
  }
}
