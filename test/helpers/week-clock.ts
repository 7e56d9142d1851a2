import { type Clock, systemClock } from '../../src/core/time/clock.ts';

/** A clock that goes on by itself, and that a test moves on: whoever sleeps then wakes in time. */
export interface WeekClock extends Clock {
  readonly aheadMs: number;
  /** How many sleep. */
  readonly sleepers: number;
  advance(ms: number): void;
}

/** See {@link WeekClock}. */
export function createWeekClock(aheadMs = 0): WeekClock {
  let ahead = aheadMs;
  const sleepers = new Set<() => void>();
  const monotonic = (): number => systemClock.monotonic() + ahead;
  return {
    get aheadMs() {
      return ahead;
    },
    get sleepers() {
      return sleepers.size;
    },
    now: () => systemClock.now() + ahead,
    monotonic,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const untilMs = monotonic() + ms;
        const end = (): void => {
          clearTimeout(timer);
          sleepers.delete(wake);
          signal?.removeEventListener('abort', end);
          resolve();
        };
        const wake = (): void => {
          if (monotonic() >= untilMs) end();
        };
        const timer = setTimeout(end, Math.min(ms, 2 ** 31 - 1));
        sleepers.add(wake);
        signal?.addEventListener('abort', end);
        if (signal?.aborted) end();
        else wake();
      }),
    advance(ms) {
      ahead += ms;
      for (const wake of [...sleepers]) wake();
    },
  };
}
