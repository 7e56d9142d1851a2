import type { Clock } from '../../core/time/clock.ts';

/** Failed attempts that one address may make in a minute, and all together. */
const OF_ONE = 10;
const OF_ALL = 60;
const MINUTE_MS = 60_000;
/** So many addresses are remembered. */
const MOST_ADDRESSES = 10_000;

/** Limits how often a wrong token or code can be tried. What is right is never counted. */
export interface FailureLimit {
  /** How long this address has to wait before it may try again; 0: not at all. */
  waitMs(address: string): number;
  /** Counts a failure. */
  failed(address: string): void;
}

/** A minute's count. */
interface Count {
  sinceMs: number;
  failures: number;
}

/** Starts to count. */
export function createFailureLimit(clock: Pick<Clock, 'monotonic'>): FailureLimit {
  const all: Count = { sinceMs: Number.NEGATIVE_INFINITY, failures: 0 };
  const byAddress = new Map<string, Count>();

  function left(count: Count | undefined, most: number): number {
    if (count === undefined || count.failures < most) return 0;
    return Math.max(0, count.sinceMs + MINUTE_MS - clock.monotonic());
  }

  function add(count: Count): void {
    if (clock.monotonic() - count.sinceMs >= MINUTE_MS) {
      count.sinceMs = clock.monotonic();
      count.failures = 0;
    }
    count.failures++;
  }

  return {
    waitMs: (address) => Math.max(left(byAddress.get(address), OF_ONE), left(all, OF_ALL)),
    failed(address) {
      const count = byAddress.get(address) ?? { sinceMs: clock.monotonic(), failures: 0 };
      // Behind all others, so that the one which failed longest ago goes first.
      byAddress.delete(address);
      byAddress.set(address, count);
      if (byAddress.size > MOST_ADDRESSES) byAddress.delete(byAddress.keys().next().value as string);
      add(count);
      add(all);
    },
  };
}
