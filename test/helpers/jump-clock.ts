import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/core/time/clock.ts';

/** A clock that stands still until somebody sleeps, and then jumps to the end of the sleep. */
export function createJumpClock(): Clock & { advance(ms: number): void; slept: number[] } {
  let ms = 1_000;
  const slept: number[] = [];
  return {
    now: () => 1_789_000_000_000 + ms,
    monotonic: () => ms,
    async sleep(forMs, signal) {
      if (signal?.aborted || forMs <= 0) return;
      slept.push(forMs);
      ms += forMs;
      await setImmediate();
    },
    advance(byMs) {
      ms += byMs;
    },
    slept,
  };
}
