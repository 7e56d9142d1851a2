import type { Clock } from './clock.ts';

/** Clocks that differ by more than this show different times: one of them was set, or is wrong. */
const FAR_MS = 60 * 60_000;

/**
 * A clock for ages, which tolerates a wall clock that jumps. After a jump away from the monotonic clock, `now` goes on as
 * if there were none. After an hour the jump counts as a correction, and `now` follows it. The time of a server
 * overrides both.
 */
export interface SteadyClock extends Clock {
  /** Learns the time from a server. Returns how far the wall clock is ahead of it; 0 when the two are close. */
  learnServerTime(serverMs: number): number;
  /** The server's time, computed from the last one learned; null: none was learned. */
  serverNow(): number | null;
  /** The wall clock itself, which the file system uses. */
  wall(): number;
  /** The wall clock has jumped: the ages of files mean nothing. */
  haveJumped(): boolean;
  /** The wall clock has jumped, and no server's time was learned since: ages mean nothing. */
  isUnsure(): boolean;
}

/** Makes a steady clock, which trusts the wall clock until a jump or a server contradicts it. */
export function createSteadyClock(clock: Clock): SteadyClock {
  const wallOffset = (): number => clock.now() - clock.monotonic();
  let steadyMs = wallOffset();
  let jump: { offsetMs: number; sinceMs: number } | null = null;
  let server: { offsetMs: number; learnedAtMs: number } | null = null;

  function look(): void {
    const offsetMs = wallOffset();
    if (!isFar(offsetMs, steadyMs)) jump = null;
    else if (jump === null || isFar(offsetMs, jump.offsetMs)) jump = { offsetMs, sinceMs: clock.monotonic() };
    else if (clock.monotonic() - jump.sinceMs > FAR_MS) {
      // A machine that slept looks the same, and what its server said before tells nothing any more.
      if (server && server.learnedAtMs < jump.sinceMs) server = null;
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
    isUnsure: () => haveJumped() && !(server && jump && server.learnedAtMs >= jump.sinceMs),
    learnServerTime(serverMs) {
      look();
      server = { offsetMs: serverMs - clock.monotonic(), learnedAtMs: clock.monotonic() };
      const aheadMs = wallOffset() - server.offsetMs;
      return Math.abs(aheadMs) > FAR_MS ? aheadMs : 0;
    },
    serverNow: () => server && Math.round(clock.monotonic() + server.offsetMs),
  };
}

function isFar(a: number, b: number): boolean {
  return Math.abs(a - b) > FAR_MS;
}
