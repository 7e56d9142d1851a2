import type { ServerResponse } from 'node:http';
import { SAFE_HEADERS } from '../guard/headers.ts';
import type { ToldEvent } from './event-reader.ts';

/** Who has not taken so much gets nothing more, and is cut off; also who takes nothing for so long. */
const MOST_BYTES = 256 * 1_024;
const MOST_EVENTS = 1_000;
const DRAIN_MS = 10_000;
/** After so long without an event one says that the connection lives: to everybody in between, and to the client. */
const SILENCE_MS = 15_000;
/** When a client may come back that was cut off. */
const RETRY_MS = 2_000;

const HEADERS = {
  ...SAFE_HEADERS,
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  // Or nginx keeps events back.
  'x-accel-buffering': 'no',
};

/** Server-sent events on one response. */
export interface EventStream {
  /** Aborted when the response has ended, whoever ended it. */
  readonly signal: AbortSignal;
  /** Tells that what is known may be old. `id`: what to come back with; null: without any. */
  reset(id: string | null): void;
  /** Sends at once. Who does not take it is cut off: the log still has it when they come back. */
  push(events: readonly ToldEvent[]): void;
  /** Sends, and resolves when more can be sent. */
  pull(events: readonly ToldEvent[]): Promise<void>;
  /** Ends the response in order. */
  end(): void;
}

/** Begins server-sent events on a raw response: what a framework queues for who never reads has no end. */
export function startStream(outgoing: ServerResponse): EventStream {
  const ended = new AbortController();
  /** Events since everything before was taken. */
  let pushed = 0;
  let late: NodeJS.Timeout | null = null;

  function write(text: string): void {
    if (ended.signal.aborted || outgoing.writableEnded) return;
    silence.refresh();
    if (outgoing.writableLength > MOST_BYTES) outgoing.destroy();
    else if (outgoing.write(text)) pushed = 0;
    else late ??= setTimeout(() => outgoing.destroy(), DRAIN_MS);
  }

  const silence = setInterval(() => write('event: alive\ndata: {"type":"alive"}\n\n'), SILENCE_MS);
  outgoing.on('drain', () => {
    pushed = 0;
    if (late !== null) clearTimeout(late);
    late = null;
  });
  outgoing.on('error', () => {});
  outgoing.once('close', () => {
    clearInterval(silence);
    if (late !== null) clearTimeout(late);
    ended.abort();
  });
  outgoing.writeHead(200, HEADERS);
  outgoing.flushHeaders();
  // Part of the first event: some clients take what ends by itself for one without data.
  write(`retry: ${RETRY_MS}\n`);

  return {
    signal: ended.signal,
    reset(id) {
      write(`${id === null ? '' : `id: ${id}\n`}event: reset\ndata: {"type":"reset"}\n\n`);
    },
    push(events) {
      if (pushed > MOST_EVENTS) outgoing.destroy();
      pushed += events.length;
      write(textOf(events));
    },
    async pull(events) {
      write(textOf(events));
      if (late === null || ended.signal.aborted) return;
      await new Promise<void>((resolve) => {
        outgoing.once('drain', resolve);
        outgoing.once('close', resolve);
      });
    },
    end() {
      if (ended.signal.aborted || outgoing.writableEnded) return;
      outgoing.end();
      late ??= setTimeout(() => outgoing.destroy(), DRAIN_MS);
    },
  };
}

function textOf(events: readonly ToldEvent[]): string {
  return events.map(({ text }) => text).join('');
}
