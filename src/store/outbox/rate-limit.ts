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
/** A refusal after so long without a request is not explained by too many requests (protocol 9.2). */
export const QUIET_MS = 300_000;

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

/** The same for a part: who was refused is tried after those who were not, for their requests tell more. */
export function throttleLeftFor(row: Row, { nowMs, paceMs }: ClaimRequest): number {
  const leftMs = throttleLeft(row, nowMs);
  if (row.throttled !== 1 || row.throttle_step === 0) return leftMs;
  return timeLeftMs(numberOf(row.throttle_until) + paceMs, nowMs, LONGEST_THROTTLE_MS + paceMs);
}

/**
 * Whether a request tried the throttled account again after quiet minutes: nothing but other such tries was sent since
 * then. `row` is that of the account, with its recent requests.
 */
export function isQuietTry(row: Row | undefined, recent: readonly number[], sentAtMs: number): boolean {
  const endedAtMs = numberOf(row?.throttle_until);
  return (
    throttleLeft(row, sentAtMs) === 0 && recent.every((at) => at >= endedAtMs || at <= sentAtMs - QUIET_MS)
  );
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
    ...[nowMs + waitMs, step, account],
  );
  return waitMs;
}

/** Ends the throttle, because a request to the user was accepted, unless that request is older than the throttle. */
export function* endThrottleBy(account: string, user: string): Step<void> {
  const row = yield* one(
    'SELECT throttle_until, throttle_step FROM accounts WHERE account = ? AND throttle_step > 0',
    account,
  );
  if (!row) return;
  const sent = yield* one('SELECT last_send_at FROM users WHERE account = ? AND "user" = ?', account, user);
  const sentAtMs = numberOf(sent?.last_send_at);
  if (throttleLeft(row, sentAtMs) === 0 || isOfLastTries(row, sentAtMs)) yield* endThrottle(account);
}

/**
 * Whether a request was sent between the pauses before and after the last doubling, as the one was whose refusal doubled
 * it. Nothing is sent during a pause, so any other request is older than the whole pause before.
 */
function isOfLastTries(row: Row, sentAtMs: number): boolean {
  const step = numberOf(row.throttle_step);
  const doubledAtMs = numberOf(row.throttle_until) - throttleDelayMs(step);
  return step > 1 && doubledAtMs - sentAtMs < throttleDelayMs(step - 1);
}

export function endThrottle(account: string): Statement<number> {
  return run('UPDATE accounts SET throttle_until = NULL, throttle_step = 0 WHERE account = ?', account);
}

function numberOf(value: Row[string] | undefined): number {
  return (value as number | null | undefined) ?? 0;
}
