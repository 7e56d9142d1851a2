import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { addressOf, type Connections, describeFailure, type Prepared } from './http.ts';

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
export function openBody(connections: Connections, options: OpenRequest): Promise<OpenResult> {
  const { url, headers, timeoutMs, signal } = options;
  return new Promise((resolve) => {
    let prepared: Prepared | null = null;
    let response: IncomingMessage | null = null;
    let timer: NodeJS.Timeout | undefined;
    const fail = (error: unknown) => {
      const stopped = signal.aborted && new Error('stopped');
      resolve({ ok: false, detail: describeFailure(stopped || error, stopped ? null : prepared?.proxy) });
    };
    const onLate = () => {
      // Bytes that wait for their reader are not late.
      if (response && response.readableLength > 0) timer?.refresh();
      else end(new Error(response ? 'the response ended half-way' : `no answer within ${timeoutMs} ms`));
    };
    const onAbort = () => end(new Error('stopped'));
    const end = (error: Error) => (response ?? prepared?.request)?.destroy(error);
    try {
      if (signal.aborted) return fail(null);
      prepared = connections.prepare({ method: 'GET', address: addressOf(url), headers });
      timer = setTimeout(onLate, timeoutMs);
      signal.addEventListener('abort', onAbort, { once: true });
      prepared.request
        .once('response', (answer: IncomingMessage) => {
          response = answer;
          timer?.refresh();
          answer.on('data', () => timer?.refresh()).pause();
          resolve({ ok: true, status: answer.statusCode ?? 0, headers: answer.headers, body: answer });
        })
        .on('error', fail)
        .once('close', () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
        })
        .end();
    } catch (error) {
      fail(error);
    }
  });
}
