import type { Io } from '../../core/io.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { Words } from '../i18n/language.ts';

/** How often the line is drawn anew. */
const DRAW_EVERY_MS = 200;
const MIB = 1024 * 1024;

/** A line on the terminal that says how far files have come. */
export interface ProgressLine {
  /** What one of the files tells of itself. */
  track(index: number): (doneBytes: number, totalBytes: number | null) => void;
  /** Takes the line away. */
  end(): void;
}

/** Draws bytes, rate and time left of `count` files together; nothing without a terminal. */
export function createProgressLine(options: {
  io: Pick<Io, 'err'>;
  isShown: boolean;
  clock: Clock;
  words: Words;
  count: number;
  isUpload?: boolean;
}): ProgressLine {
  const { io, isShown, clock, words, count, isUpload = false } = options;
  const done = new Array<number>(count).fill(0);
  const totals = new Array<number | null>(count).fill(null);
  const startedMs = clock.monotonic();
  let isDrawn = false;

  function draw(): void {
    const doneBytes = sum(done);
    if (doneBytes === 0) return;
    const known = totals.filter((one) => one !== null);
    const totalBytes = known.length === count ? sum(known) : null;
    const elapsedMs = clock.monotonic() - startedMs;
    const line = progressText(words, { doneBytes, totalBytes, elapsedMs, isUpload });
    io.err(`\r${line}\u001b[K`);
    isDrawn = true;
  }

  const timer = isShown ? setInterval(draw, DRAW_EVERY_MS) : null;
  return {
    track: (index) => (doneBytes, totalBytes) => {
      done[index] = doneBytes;
      totals[index] = totalBytes;
    },
    end() {
      if (timer) clearInterval(timer);
      if (isDrawn) io.err('\r\u001b[K');
    },
  };
}

/** `12.3 MiB of 45.0 MiB, 8.1 MiB/s, 4 s left`, as far as it is known. */
export function progressText(
  words: Words,
  state: { doneBytes: number; totalBytes: number | null; elapsedMs: number; isUpload?: boolean },
): string {
  const { doneBytes, totalBytes, elapsedMs, isUpload = false } = state;
  const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;
  const bytesPerMs = elapsedMs > 0 ? doneBytes / elapsedMs : 0;
  const rate = `${mib(bytesPerMs * 1_000)}/s`;
  if (totalBytes === null || bytesPerMs === 0) return [mib(doneBytes), rate].join(words.comma);
  const done = words.bytesOf(mib(doneBytes), mib(totalBytes));
  if (isUpload && doneBytes === totalBytes) return [done, words.serverToAnswer].join(words.comma);
  const left = words.timeLeft(Math.ceil((totalBytes - doneBytes) / bytesPerMs / 1_000));
  return [done, rate, left].join(words.comma);
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
