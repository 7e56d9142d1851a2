import type { Clock } from '../../core/time/clock.ts';
import type { Trust } from '../port/lease.ts';

/** How long a worker counts as alive without a renewal, and how often it renews. */
export const TTL_MS = 20_000;
export const RENEW_EVERY_MS = 5_000;
/** It stops acting before others may take its accounts. */
const TRUST_MS = (TTL_MS * 2) / 3;

/** The moment at which a renewal was sent, on both clocks. */
export interface Moment {
  monotonicMs: number;
  wallMs: number;
}

/** How long a worker may trust its leases, by its own clocks alone. */
export interface TrustWindow extends Trust {
  now(): Moment;
  /** A renewal that was sent at this moment was granted. However late the answer came, trust counts from there. */
  renewed(sentAt: Moment): void;
  /** A renewal has failed, or may have. */
  failed(): void;
  /** This process did not run for a while, or its leases are gone: nothing is trusted until a renewal sent from now on. */
  spend(): void;
  leftMs(): number;
  /** Whether so much time has passed without a renewal that the leases have ended for the database, too. */
  hasRunOut(): boolean;
  /** Whether renewals have followed each other without a gap for one TTL: only then is a silent worker a dead one. */
  isSteady(): boolean;
}

/**
 * See {@link TrustWindow}. Trust must hold on both clocks: the monotonic one does not count while a machine sleeps, the wall
 * clock may be set back. One that is set forward costs a renewal.
 */
export function createTrustWindow(clock: Clock): TrustWindow {
  let sentAt: Moment | null = null;
  let spentAtMs = Number.NEGATIVE_INFINITY;
  /** When the last renewal that was granted was sent, by the monotonic clock alone: a wall clock that is set ends no lease. */
  let grantedAtMs = Number.POSITIVE_INFINITY;
  /** Since when no renewal has failed. */
  let steadySinceMs: number | null = null;
  let period = new AbortController();
  period.abort();
  const waiting = new Set<() => void>();
  let timer = new AbortController();

  function now(): Moment {
    return { monotonicMs: clock.monotonic(), wallMs: clock.now() };
  }

  function leftMs(): number {
    if (sentAt === null) return 0;
    const { monotonicMs, wallMs } = now();
    const ageMs = Math.max(monotonicMs - sentAt.monotonicMs, wallMs - sentAt.wallMs);
    return Math.max(0, TRUST_MS - ageMs);
  }

  function isTrusted(): boolean {
    const isOn = leftMs() > 0;
    if (!isOn && !period.signal.aborted) period.abort();
    return isOn;
  }

  /** Ends the period in time, also when nobody asks. */
  async function watch(): Promise<void> {
    timer.abort();
    timer = new AbortController();
    const { signal } = timer;
    while (!signal.aborted && isTrusted()) await clock.sleep(leftMs(), signal);
  }

  function end(): void {
    sentAt = null;
    steadySinceMs = null;
    timer.abort();
    period.abort();
  }

  return {
    now,
    leftMs,
    isTrusted,
    get signal() {
      return period.signal;
    },
    renewed(moment) {
      if (moment.monotonicMs < spentAtMs) return;
      // One that is missing makes a gap, too.
      const isGap = sentAt === null || moment.monotonicMs - sentAt.monotonicMs > TTL_MS;
      if (isGap || steadySinceMs === null) steadySinceMs = moment.monotonicMs;
      sentAt = moment;
      grantedAtMs = moment.monotonicMs;
      if (leftMs() <= 0) return;
      if (period.signal.aborted) period = new AbortController();
      void watch();
      for (const resolve of [...waiting]) resolve();
    },
    failed() {
      steadySinceMs = null;
    },
    spend() {
      spentAtMs = clock.monotonic();
      end();
    },
    hasRunOut: () => clock.monotonic() - grantedAtMs >= TTL_MS,
    isSteady: () => isTrusted() && steadySinceMs !== null && clock.monotonic() - steadySinceMs >= TTL_MS,
    async regained(signal) {
      if (isTrusted() || signal.aborted) return;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          waiting.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        waiting.add(done);
        signal.addEventListener('abort', done, { once: true });
      });
    },
  };
}
