import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Time as the program sees it, passed in everywhere so that tests can move it.
 * Ages that survive a restart use `now`; waits use `monotonic` and `sleep`.
 */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number;
  /** Milliseconds that never run backwards; only differences mean something. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when the signal is aborted; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
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
    if (signal?.aborted || ms <= 0) return;
    // One signal ends the waits of all users; Node would warn of a leak beyond ten.
    if (signal) setMaxListeners(0, signal);
    try {
      await delay(ms, undefined, signal ? { signal } : undefined);
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  },
};
