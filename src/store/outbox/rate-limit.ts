import { throttleDelayMs } from '../../core/time/backoff.ts';
import { timeLeftMs } from '../../core/time/clock.ts';
import { one, type Row, run, type Statement, type Step } from '../../sql/statement.ts';
import type { ClaimRequest } from '../port/port.ts';

/** Parts of one account that may be sent at once before the pace applies. */
const BURST = 2;
/** Two parts to one user that are closer than this may swap on the phone (protocol 4.3). */
const USER_GAP_MS = 150;
/** How many requests are remembered per account: one more than the throttle rule counts. */
export const RECENT_SENDS = 14;
/** The slowest pace that another process is assumed to use. */
const SLOW_PACE_MS = 60_000;

const LONGEST_THROTTLE_MS = throttleDelayMs(Number.POSITIVE_INFINITY);

/** Milliseconds until the pace of the account and the gap to the user's last part allow the next part; `row` has both. */
export function paceWait(row: Row, { nowMs, paceMs }: ClaimRequest): number {
  if (paceMs === 0) return 0;
  const gapMs = timeLeftMs(numberOf(row.last_send_at) + USER_GAP_MS, nowMs, USER_GAP_MS);
  return Math.max(gapMs, paceLeft(row, nowMs, paceMs) - (BURST - 1) * paceMs);
}

/** Records that the account is about to make a request. */
export function recordRequest(row: Row, request: ClaimRequest): Statement<number> {
  const { account, nowMs, paceMs } = request;
  return run(
    'UPDATE accounts SET pace_at = ?, recent_sends = ? WHERE account = ?',
    nowMs + Math.min(paceLeft(row, nowMs, paceMs), BURST * paceMs) + paceMs,
    withRequest(row.recent_sends as string, nowMs),
    account,
  );
}

/** Appends a time to a JSON list of times and keeps only the newest. */
export function withRequest(recent: string, nowMs: number): string {
  const times = JSON.parse(recent) as number[];
  return JSON.stringify([...times, nowMs].slice(-RECENT_SENDS));
}

/** Milliseconds until the account may send its whole burst again. */
function paceLeft(row: Row, nowMs: number, paceMs: number): number {
  return timeLeftMs(numberOf(row.pace_at), nowMs, Math.max(BURST * paceMs, SLOW_PACE_MS));
}

/** Milliseconds until a throttled account may send again; `account` is its row. */
export function throttleLeft(account: Row | undefined, nowMs: number): number {
  return timeLeftMs(numberOf(account?.throttle_until), nowMs, LONGEST_THROTTLE_MS);
}

/**
 * Records that a request was refused by the throttle: starts one, or doubles it. A request that was sent before the
 * throttle began belongs to the same burst and changes nothing; `row` is that of the account. Returns the milliseconds
 * until the next try.
 */
export function* recordThrottled(
  row: Row | undefined,
  request: { account: string; sentAtMs: number; nowMs: number },
): Step<number> {
  const { account, sentAtMs, nowMs } = request;
  // Nothing is sent during a throttle, so a request that was sent before its end was sent before its beginning.
  if (throttleLeft(row, sentAtMs) > 0) return throttleLeft(row, nowMs);
  const step = numberOf(row?.throttle_step) + 1;
  const waitMs = throttleDelayMs(step);
  yield* run(
    'UPDATE accounts SET throttle_until = ?, throttle_step = ? WHERE account = ?',
    nowMs + waitMs,
    step,
    account,
  );
  return waitMs;
}

/** Ends the throttle, because a request to the user was accepted, unless that request is older than the throttle. */
export function* endThrottle(account: string, user: string): Step<void> {
  const row = yield* one(
    'SELECT throttle_until FROM accounts WHERE account = ? AND throttle_step > 0',
    account,
  );
  if (!row) return;
  const sent = yield* one('SELECT last_send_at FROM users WHERE account = ? AND "user" = ?', account, user);
  if (throttleLeft(row, numberOf(sent?.last_send_at)) > 0) return;
  yield* run('UPDATE accounts SET throttle_until = NULL, throttle_step = 0 WHERE account = ?', account);
}

function numberOf(value: Row[string] | undefined): number {
  return (value as number | null | undefined) ?? 0;
}
