import { type Clock, systemClock } from '../../src/core/time/clock.ts';

/** A wall clock that a test sets while programs run by it. */
export interface WallClock extends Clock {
  /** Sets it this many milliseconds before (negative) or after the true time. */
  set(shiftMs: number): void;
}

/** Milliseconds of the clocks people set. */
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/**
 * A clock that shows the true time until it is set. The monotonic clock and all waits stay as they are, which is what
 * a program sees when somebody sets the clock of the machine.
 */
export function wallClock(): WallClock {
  let shiftMs = 0;
  return {
    ...systemClock,
    now: () => systemClock.now() + shiftMs,
    set(byMs) {
      shiftMs = byMs;
    },
  };
}
