import type { Clock } from '../core/clock.ts';

/** Clocks that differ by more have jumped: ages mean nothing until they agree again (design 4). */
const CLOCK_JUMP_MS = 60 * 60_000;

/**
 * Tells whether the wall clock has jumped away from the monotonic one. A jump that stands for as long as it
 * takes to notice one is the time now: a laptop that slept, a clock that was put right.
 */
export interface ClockWatch {
  haveJumped(): boolean;
  /** The wall clock or, while it has jumped, where it would be had it not. */
  steadyNow(): number;
}

/** Watches from now on, trusting the time it is. */
export function createClockWatch(clock: Clock): ClockWatch {
  const offset = (): number => clock.now() - clock.monotonic();
  let trustedMs = offset();
  let jump: { offsetMs: number; sinceMs: number } | null = null;

  function haveJumped(): boolean {
    const nowMs = offset();
    if (Math.abs(nowMs - trustedMs) <= CLOCK_JUMP_MS) {
      jump = null;
    } else if (jump === null || Math.abs(nowMs - jump.offsetMs) > CLOCK_JUMP_MS) {
      jump = { offsetMs: nowMs, sinceMs: clock.monotonic() };
    } else if (clock.monotonic() - jump.sinceMs > CLOCK_JUMP_MS) {
      trustedMs = nowMs;
      jump = null;
    }
    return jump !== null;
  }

  return {
    haveJumped,
    steadyNow: () => (haveJumped() ? Math.round(clock.monotonic() + trustedMs) : clock.now()),
  };
}
