import type { Clock } from '../../src/core/time/clock.ts';

/** A clock whose sleeps end when the test lets time pass. */
export function createStillClock(): Clock & { pass(ms: number): void } {
  let nowMs = 0;
  const sleepers = new Set<{ until: number; wake: () => void }>();
  return {
    now: () => nowMs,
    monotonic: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const sleeper = { until: nowMs + ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => resolve(), { once: true });
      }),
    pass(ms) {
      nowMs += ms;
      for (const sleeper of sleepers) if (sleeper.until <= nowMs) sleeper.wake();
    },
  };
}

/** Whatever is under way has come as far as it can without time. */
export async function settle(): Promise<void> {
  for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve));
}
