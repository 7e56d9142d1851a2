import { setMaxListeners } from 'node:events';

/** Time, passed in so that tests move it: `now` for ages that survive a restart, `monotonic` and `sleep` for waits. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number;
  /** Milliseconds that never run backwards; only differences mean something. */
  monotonic(): number;
  /** Resolves after `ms`, however long that is, or at once when the signal is aborted; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The longest wait that a timer of Node's can hold; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Calls back once after `ms`, however long that is: never for `Infinity`. Returns what calls it off. */
export function after(ms: number, done: () => void): () => void {
  let timer: NodeJS.Timeout;
  function wait(leftMs: number): void {
    const stepMs = Math.min(leftMs, LONGEST_TIMER_MS);
    timer = setTimeout(() => (leftMs > stepMs ? wait(leftMs - stepMs) : done()), stepMs);
  }
  wait(ms);
  return () => clearTimeout(timer);
}

/** Tells when something is due that happens once in so long at the most: at first, and when `ms` have passed since. */
export function atMostEvery(ms: number, clock: Pick<Clock, 'monotonic'>): () => boolean {
  let dueAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = clock.monotonic();
    if (nowMs < dueAtMs) return false;
    dueAtMs = nowMs + ms;
    return true;
  };
}

/** Milliseconds until a stored time; 0: none or past. One beyond `longestMs` was stored before the clock was set back. */
export function timeLeftMs(at: number | null, nowMs: number, longestMs: number): number {
  const leftMs = (at ?? 0) - nowMs;
  return leftMs > longestMs ? 0 : Math.max(0, leftMs);
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  // Not `performance.now()`: the first use of `performance` loads a module, during every start.
  monotonic() {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1_000 + nanoseconds / 1e6;
  },
  async sleep(ms, signal) {
    if (signal?.aborted || !(ms > 0)) return;
    // One signal ends the waits of all users; Node would warn of a leak beyond ten.
    if (signal) setMaxListeners(0, signal);
    await new Promise<void>((resolve) => {
      const end = (): void => {
        signal?.removeEventListener('abort', end);
        callOff();
        resolve();
      };
      const callOff = after(ms, end);
      signal?.addEventListener('abort', end, { once: true });
    });
  },
};
