import type { Database, Row } from '../../sqlite/database.ts';
import type { ClaimRequest } from '../port/port.ts';
import { timeLeft } from './time-left.ts';

/** Parts of one account that may go at once before the pace counts (design 3). */
const BURST = 2;
/** Parts to one user closer than this may swap on the phone (protocol 4.3). */
const USER_GAP_MS = 150;
/** Requests remembered per account: one more than the throttle rule counts. */
export const RECENT_SENDS = 14;
/** Another process may have a slower pace than this one, up to here. */
const SLOW_PACE_MS = 60_000;

/** Milliseconds until the pace of the account and the gap to the user's last part let the next one go. */
export function paceWait(outlook: Row, terms: ClaimRequest): number {
  const { nowMs, paceMs } = terms;
  if (paceMs === 0) return 0;
  const gapMs = timeLeft(((outlook.last_send_at as number | null) ?? 0) + USER_GAP_MS, nowMs, USER_GAP_MS);
  return Math.max(gapMs, paceLeft(outlook, terms) - (BURST - 1) * paceMs);
}

/** Notes that a request of the account is about to be made. */
export function notePace(database: Database, outlook: Row, terms: ClaimRequest): void {
  const { nowMs, paceMs } = terms;
  const paceAt = nowMs + Math.min(paceLeft(outlook, terms), BURST * paceMs) + paceMs;
  database.run(
    'UPDATE accounts SET pace_at = ?, recent_sends = ? WHERE account = ?',
    paceAt,
    withRequest(outlook.recent_sends as string, nowMs),
    terms.account,
  );
}

/** A JSON list of times with one more at its end, and only the newest. */
export function withRequest(recent: string, nowMs: number): string {
  const times = JSON.parse(recent) as number[];
  return JSON.stringify([...times, nowMs].slice(-RECENT_SENDS));
}

/** Milliseconds until the account has all of its burst again. */
function paceLeft(outlook: Row, { nowMs, paceMs }: ClaimRequest): number {
  return timeLeft(outlook.pace_at, nowMs, Math.max(BURST * paceMs, SLOW_PACE_MS));
}
