/** Where a text goes. */
export type StreamName = 'stdout' | 'stderr';

/** stdout and stderr, written to in the order in which they were given what they get: a terminal shows both. */
export interface Output {
  /** Writes at once; `done` is called when the stream has taken it, or with why it does not. */
  now(stream: StreamName, chunk: string | Uint8Array, done?: (error?: Error | null) => void): void;
  /** Writes in a moment, or before anything else is written. */
  soon(stream: StreamName, text: string): void;
  /** Writes all that is to be written soon. */
  flush(): void;
}

/** No more is joined: what a pipe takes in one piece, also when several processes write into it. */
const MAX_BYTES = 4 * 1024;

/** Joins the lines of a moment: each write is a system call. `later` calls back when the moment is over. */
export function createOutput(options: { write: Output['now']; later: (flush: () => void) => void }): Output {
  const { write, later } = options;
  const waiting: { stream: StreamName; text: string }[] = [];
  let sizeBytes = 0;
  let isPlanned = false;

  function flush(): void {
    sizeBytes = 0;
    for (let one = waiting.shift(); one; one = waiting.shift()) write(one.stream, one.text);
  }

  return {
    now(stream, chunk, done) {
      flush();
      write(stream, chunk, done);
    },
    soon(stream, text) {
      const textBytes = Buffer.byteLength(text);
      if (sizeBytes + textBytes > MAX_BYTES) flush();
      sizeBytes += textBytes;
      const last = waiting.at(-1);
      if (last?.stream === stream) last.text += text;
      else waiting.push({ stream, text });
      if (isPlanned) return;
      isPlanned = true;
      later(() => {
        isPlanned = false;
        flush();
      });
    },
    flush,
  };
}
