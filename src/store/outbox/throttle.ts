import { throttleDelayMs } from '../../core/time/backoff.ts';
import type { Database, Row } from '../../sqlite/database.ts';
import { timeLeft } from './time-left.ts';

const LONGEST_MS = throttleDelayMs(Number.POSITIVE_INFINITY);

/** Milliseconds for which nothing of an account may be sent; `owner` is its row. */
export function throttleLeft(owner: Row | undefined, nowMs: number): number {
  return timeLeft(owner?.throttle_until, nowMs, LONGEST_MS);
}

/**
 * Notes that a request was refused for the throttle, begins one or makes it longer. A request that was under way
 * when the throttle began is part of the same burst, and no try after it: what `owner` has stays. Returns the
 * milliseconds until the next try.
 */
export function noteThrottled(
  database: Database,
  owner: Row | undefined,
  request: { account: string; sentAtMs: number; nowMs: number },
): number {
  const { account, sentAtMs, nowMs } = request;
  // Nothing is sent while it lasts, so what was sent before its end was sent before its beginning.
  if (throttleLeft(owner, sentAtMs) > 0) return throttleLeft(owner, nowMs);
  const step = ((owner?.throttle_step as number | undefined) ?? 0) + 1;
  const waitMs = throttleDelayMs(step);
  database.run(
    'UPDATE accounts SET throttle_until = ?, throttle_step = ? WHERE account = ?',
    nowMs + waitMs,
    step,
    account,
  );
  return waitMs;
}

/** Notes that a request to a user was accepted: the throttle is over, unless the request is older than it. */
export function noteAccepted(database: Database, account: string, user: string): void {
  const owner = database.one(
    'SELECT throttle_until FROM accounts WHERE account = ? AND throttle_step > 0',
    account,
  );
  if (!owner) return;
  const who = database.one('SELECT last_send_at FROM users WHERE account = ? AND user = ?', account, user);
  if (throttleLeft(owner, (who?.last_send_at as number | undefined) ?? 0) > 0) return;
  database.run('UPDATE accounts SET throttle_until = NULL, throttle_step = 0 WHERE account = ?', account);
}
