import { type Clock, systemClock } from '../../src/core/time/clock.ts';

/** A clock on which time passes so many times as fast; the wall clock may be off. */
export function createQuickClock(times: number, offMs = 0): Clock {
  const startMs = systemClock.now();
  const start = systemClock.monotonic();
  const passed = (): number => (systemClock.monotonic() - start) * times;
  return {
    now: () => Math.round(startMs + offMs + passed()),
    monotonic: passed,
    sleep: (ms, signal) => systemClock.sleep(ms / times, signal),
  };
}
