import type { Database, Row } from '../../sqlite/database.ts';
import type { ClaimRequest } from '../port/port.ts';
import { timeLeft } from './time-left.ts';

/** How long a claim is good without being renewed (design 4). */
const LEASE_MS = 60_000;

/** Who claims, and how to tell whether another claimer still lives. */
export interface Claimant {
  id: string;
  isAlive(holder: string): boolean;
  /** Whether it lives for certain: {@link Claimant.isAlive} is also true of one that cannot be looked at. */
  lives(holder: string): boolean;
}

/** Milliseconds for which another living process has a user; `who` has his lease. */
export function leaseLeft(who: Row, claimant: Claimant, nowMs: number): number {
  const lease = who.lease as string | null;
  if (!lease || lease === claimant.id || !claimant.isAlive(lease)) return 0;
  return timeLeft(who.lease_until, nowMs, LEASE_MS);
}

/** Whether a process that lives, this one too, has a user; `who` has their lease. */
export function isLeased(who: Row, claimant: Claimant, nowMs: number): boolean {
  return who.lease === claimant.id
    ? (who.lease_until as number) > nowMs
    : leaseLeft(who, claimant, nowMs) > 0;
}

/** Whether a process that lives is sending a part just now. */
export function isBeingSent(
  database: Database,
  { account, seq, nowMs }: { account: string; seq: number; nowMs: number },
  claimant: Claimant,
): boolean {
  const row = database.one(
    `SELECT lease, lease_until FROM parts JOIN users USING (account, user)
       WHERE account = ? AND seq = ? AND state = 'sending'`,
    account,
    seq,
  );
  return row !== undefined && isLeased(row, claimant, nowMs);
}

/** Claims a user; a request that is about to be made counts against his budget. */
export function takeLease(
  database: Database,
  { account, user, nowMs }: ClaimRequest,
  claimant: Claimant,
  send: { sentBefore: number | null; counts: boolean },
): void {
  database.run(
    `UPDATE users SET lease = ?, lease_until = ?, last_send_at = COALESCE(?, last_send_at), sent = sent + ?
       WHERE account = ? AND user = ?`,
    claimant.id,
    nowMs + LEASE_MS,
    send.sentBefore,
    send.counts ? 1 : 0,
    account,
    user,
  );
}

/** Ends the claim of a user. Whether nobody else has him. */
export function freeLease(
  database: Database,
  { account, user }: { account: string; user: string },
  claimant: string,
): boolean {
  return (
    database.run(
      'UPDATE users SET lease = NULL WHERE account = ?1 AND user = ?2 AND COALESCE(lease, ?3) = ?3',
      account,
      user,
      claimant,
    ).changes > 0
  );
}

/** Keeps a claim that is still the caller's for another {@link LEASE_MS}. */
export function renewLease(
  database: Database,
  input: { account: string; user: string; nowMs: number },
  claimant: string,
): void {
  database.run(
    'UPDATE users SET lease_until = ? WHERE account = ? AND user = ? AND lease = ?',
    input.nowMs + LEASE_MS,
    input.account,
    input.user,
    claimant,
  );
}
