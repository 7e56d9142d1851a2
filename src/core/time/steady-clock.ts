import type { Clock } from './clock.ts';

/** Clocks that differ by more do not tell the same time: one of them was set, or is wrong. */
const FAR_MS = 60 * 60_000;

/**
 * A clock by which ages can be judged whatever becomes of the wall clock. When that jumps away from the monotonic one,
 * `now` stays where it would be had it not, until the jump has stood for an hour: then it is the time (a clock that was
 * put right). What a server says the time is counts for more than either.
 */
export interface SteadyClock extends Clock {
  /** A server says what time it is. Returns how far the wall clock is ahead of that, 0 where it is not far off. */
  hear(serverMs: number): number;
  /** The time as a server has it, from what was heard; null where none was. */
  serverNow(): number | null;
  /** The wall clock as it is, which is that of the file system. */
  wall(): number;
  /** The wall clock has jumped: the ages of files mean nothing. */
  haveJumped(): boolean;
  /** It has jumped, and no server has said since what the time is: no age means anything. */
  isUnsure(): boolean;
}

/** Makes a clock steady, which believes the wall clock until it is told otherwise. */
export function createSteadyClock(clock: Clock): SteadyClock {
  const wallOffset = (): number => clock.now() - clock.monotonic();
  let steadyMs = wallOffset();
  let jump: { offsetMs: number; sinceMs: number } | null = null;
  let server: { offsetMs: number; heardAtMs: number } | null = null;

  function look(): void {
    const offsetMs = wallOffset();
    if (!isFar(offsetMs, steadyMs)) jump = null;
    else if (jump === null || isFar(offsetMs, jump.offsetMs)) jump = { offsetMs, sinceMs: clock.monotonic() };
    else if (clock.monotonic() - jump.sinceMs > FAR_MS) {
      // A machine that slept looks the same, and what its server said before tells nothing any more.
      if (server && server.heardAtMs < jump.sinceMs) server = null;
      steadyMs = offsetMs;
      jump = null;
    }
  }

  function haveJumped(): boolean {
    look();
    return jump !== null;
  }

  function now(): number {
    look();
    const trustedMs = server?.offsetMs ?? (jump ? steadyMs : null);
    // Within the hour the wall clock is the better one: a server tells seconds.
    if (trustedMs === null || !isFar(wallOffset(), trustedMs)) return clock.now();
    return Math.round(clock.monotonic() + trustedMs);
  }

  return {
    now,
    monotonic: clock.monotonic,
    sleep: clock.sleep,
    wall: clock.now,
    haveJumped,
    isUnsure: () => haveJumped() && !(server && jump && server.heardAtMs >= jump.sinceMs),
    hear(serverMs) {
      look();
      server = { offsetMs: serverMs - clock.monotonic(), heardAtMs: clock.monotonic() };
      const aheadMs = wallOffset() - server.offsetMs;
      return Math.abs(aheadMs) > FAR_MS ? aheadMs : 0;
    },
    serverNow: () => server && Math.round(clock.monotonic() + server.offsetMs),
  };
}

function isFar(a: number, b: number): boolean {
  return Math.abs(a - b) > FAR_MS;
}
