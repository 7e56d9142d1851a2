import type { Clock } from '../core/clock.ts';

/** How long a command still waits: for `--wait`, and as long again after every step forward. */
export interface Patience {
  leftMs(): number;
  /** Something has come forward: the next bytes of a file, say. */
  renew(): void;
}

/** Starts to wait. */
export function createPatience(clock: Clock, waitMs: number): Patience {
  let endsAtMs = clock.monotonic() + waitMs;
  return {
    leftMs: () => Math.max(0, endsAtMs - clock.monotonic()),
    renew() {
      endsAtMs = clock.monotonic() + waitMs;
    },
  };
}
