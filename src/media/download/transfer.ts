import { reasonOf } from '../../core/errors.ts';
import { isTransientStatus } from '../../core/http/status.ts';
import { resendDelayMs } from '../../core/time/backoff.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { Cdn, FailedFetch, OpenedBlob } from './port.ts';

/** Requests in a row that bring nothing, and how many bytes are something. */
const TRIES = 4;
const PROGRESS_BYTES = 1024 * 1024;

/** How a blob comes off the CDN. */
export interface Transfer {
  cdn: Cdn;
  clock: Clock;
  /** The preferred address first; the others are asked only after failures that may pass (protocol 5.4). */
  urls: readonly string[];
  /** Most bytes that are taken; more ends the transfer as `overlong`. */
  limitBytes: number;
  overlong: FailedFetch;
  /** So many have to come: an answer that ends before has broken off, whatever length it told. null: not known. */
  expectedBytes: number | null;
  signal: AbortSignal;
  /** Takes bytes; a promise when no more should come before it resolves. Its failures reject the transfer. */
  write: (bytes: Buffer) => Promise<void> | null;
  onProgress: ((doneBytes: number, totalBytes: number | null) => void) | undefined;
}

/** Fetches a blob whole, going on where a connection broke. Resolves with its size, or why it did not come. */
export async function transfer(options: Transfer): Promise<{ ok: true; sizeBytes: number } | FailedFetch> {
  const { cdn, clock, signal } = options;
  const blob = createReceiver(options);
  let urls = options.urls;
  let failures = 0;
  for (let turn = 0; ; turn++) {
    const before = blob.receivedBytes();
    const url = urls[turn % urls.length] as string;
    const opened = await cdn.open(url, { from: before, signal });
    let detail: string;
    if (opened.kind === 'open') {
      const end = await blob.take(opened);
      if (end === null) return { ok: true, sizeBytes: blob.receivedBytes() };
      if (typeof end !== 'string') return end;
      detail = end;
    } else if (opened.kind === 'answered') {
      // Nothing behind what has come: the CDN had said that there was more.
      if (opened.status === 416 && before > 0) return { ok: true, sizeBytes: before };
      detail = told(opened);
      if (!isTransientStatus(opened.status)) {
        // The other address is only an attempt: one that was made up may be wrong.
        if (url === options.urls[0]) return refusal(opened.status, detail);
        urls = urls.filter((one) => one !== url);
      }
    } else detail = opened.detail;
    if (signal.aborted) return { ok: false, failure: 'aborted', detail: 'it was stopped' };
    failures = blob.receivedBytes() - before >= PROGRESS_BYTES ? 1 : failures + 1;
    if (failures >= TRIES)
      return { ok: false, failure: 'network', detail: `the CDN does not deliver it: ${detail}` };
    await clock.sleep(resendDelayMs(failures), signal);
  }
}

/** What takes the bytes of one blob out of any number of answers. */
function createReceiver(options: Transfer) {
  let receivedBytes = 0;
  return {
    receivedBytes: () => receivedBytes,

    /** Reads an answer to its end: null when that is the end of the blob, a text when it broke off before. */
    async take(opened: OpenedBlob & { kind: 'open' }): Promise<null | string | FailedFetch> {
      const { body, from, lengthBytes } = opened;
      const totalBytes = lengthBytes === null ? null : from + lengthBytes;
      body.on('error', () => {}); // also when it is destroyed here
      if (from > receivedBytes || (totalBytes !== null && totalBytes > options.limitBytes)) {
        body.destroy();
        return from > receivedBytes ? 'it leaves out a part' : options.overlong;
      }
      // An answer from the beginning repeats what is there.
      let skipBytes = receivedBytes - from;
      let failure: { thrown: unknown } | null = null;
      try {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          const bytes = chunk.subarray(skipBytes);
          skipBytes -= chunk.length - bytes.length;
          receivedBytes += bytes.length;
          if (receivedBytes > options.limitBytes) return options.overlong;
          try {
            const ready = options.write(bytes);
            if (ready) await ready;
          } catch (thrown) {
            failure = { thrown };
            break;
          }
          options.onProgress?.(receivedBytes, totalBytes);
        }
      } catch (error) {
        return `the connection broke after ${receivedBytes} bytes (${reasonOf(error)})`;
      } finally {
        body.destroy();
      }
      if (failure) throw failure.thrown;
      const { expectedBytes } = options;
      if (expectedBytes === null || receivedBytes >= expectedBytes) return null;
      return `it ended after ${receivedBytes} of ${expectedBytes} bytes`;
    },
  };
}

function refusal(status: number, detail: string): FailedFetch {
  if (status === 404 || status === 410) {
    return { ok: false, failure: 'gone', detail: `it is not on the CDN any more (${detail})` };
  }
  return { ok: false, failure: 'refused', detail: `the CDN refuses it: ${detail}` };
}

function told({ status, reason }: { status: number; reason: string }): string {
  return reason === '' ? `HTTP ${status}` : `HTTP ${status}, ${reason}`;
}
