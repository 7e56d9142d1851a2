import { timeLeftMs } from '../../core/time/clock.ts';
import { one, type Row, run, type Statement, type Step } from '../../sql/statement.ts';
import type { ClaimRequest, Outbox } from '../port/port.ts';

/** How long a lease lasts without being renewed. */
export const LEASE_MS = 60_000;

/** The process that claims, and how it tells whether another one is alive. */
export interface Claimant {
  id: string;
  isAlive(holder: string): boolean;
}

/** Milliseconds for which another living process has the lease on a user; `row` has the lease. */
export function leaseLeft(row: Row, claimant: Claimant, nowMs: number): number {
  const lease = row.lease as string | null;
  if (!lease || lease === claimant.id || !claimant.isAlive(lease)) return 0;
  return timeLeftMs(row.lease_until as number | null, nowMs, LEASE_MS);
}

/** Whether a living process, this one included, has the lease on a user; `row` has the lease. */
export function isLeased(row: Row, claimant: Claimant, nowMs: number): boolean {
  return row.lease === claimant.id
    ? (row.lease_until as number) > nowMs
    : leaseLeft(row, claimant, nowMs) > 0;
}

/** Whether a living process is sending a part. */
export function* isBeingSent(
  { account, seq, nowMs }: { account: string; seq: number; nowMs: number },
  claimant: Claimant,
): Step<boolean> {
  const row = yield* one(
    `SELECT lease, lease_until FROM parts JOIN users USING (account, "user")
       WHERE account = ? AND seq = ? AND state = 'sending'`,
    account,
    seq,
  );
  return row !== undefined && isLeased(row, claimant, nowMs);
}

/** Takes the lease on a user. */
export function takeLease({ account, user, nowMs }: ClaimRequest, claimant: Claimant): Statement<number> {
  return run(
    'UPDATE users SET lease = ?, lease_until = ? WHERE account = ? AND "user" = ?',
    ...[claimant.id, nowMs + LEASE_MS, account, user],
  );
}

/** Frees the lease on a user: 0 rows when another process has it. */
export function freeLease(
  { account, user }: { account: string; user: string },
  claimant: string,
): Statement<number> {
  return run(
    'UPDATE users SET lease = NULL WHERE account = ?1 AND "user" = ?2 AND COALESCE(lease, ?3) = ?3',
    ...[account, user, claimant],
  );
}

/** Renews the lease on a user for another {@link LEASE_MS}, if the caller still has it. */
export function* renewLease(input: Parameters<Outbox['renewLease']>[0], claimant: string): Step<void> {
  yield* run(
    'UPDATE users SET lease_until = ? WHERE account = ? AND "user" = ? AND lease = ?',
    ...[input.nowMs + LEASE_MS, input.account, input.user, claimant],
  );
}
