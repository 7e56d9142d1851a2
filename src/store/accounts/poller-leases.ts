import { all, one, run, type Step } from '../../sql/statement.ts';
import type { Poller } from '../port/port.ts';

/** The clock of the server, which all processes share. */
const NOW_MS = 'CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)';

/** Who has the right to receive an account's messages. */
export type Leaseholder = Pick<Poller, 'claimant' | 'purpose'>;

/** Who has the lease on an account; null: nobody, or it has run out. */
export function* leaseholder(account: string): Step<Leaseholder | null> {
  const row = yield* one(
    `SELECT claimant, purpose FROM poller_leases WHERE account = ? AND expires_at > ${NOW_MS}`,
    account,
  );
  return row
    ? { claimant: row.claimant as string, purpose: row.purpose === 'look' ? 'look' : 'serve' }
    : null;
}

/** Takes the lease on an account unless another one has it. `former` is whose lease ran out. */
export function* takePollerLease({
  account,
  claimant,
  purpose,
  ttlMs,
}: Leaseholder & { account: string; ttlMs: number }): Step<
  { holder: Leaseholder } | { former: string | null }
> {
  const holder = yield* leaseholder(account);
  if (holder && holder.claimant !== claimant) return { holder };
  const before = yield* one('SELECT claimant FROM poller_leases WHERE account = ?', account);
  yield* run(
    `INSERT INTO poller_leases (account, claimant, purpose, expires_at) VALUES (?1, ?2, ?3, ${NOW_MS} + ?4)
       ON CONFLICT (account) DO UPDATE
         SET claimant = excluded.claimant, purpose = excluded.purpose, expires_at = excluded.expires_at`,
    account,
    claimant,
    purpose,
    ttlMs,
  );
  const former = (before?.claimant as string | undefined) ?? null;
  return { former: former === claimant ? null : former };
}

/** Renews all leases of a claimant that have not run out; the accounts that it still has. */
export function* renewPollerLeases(claimant: string, ttlMs: number): Step<string[]> {
  const rows = yield* all(
    `UPDATE poller_leases SET expires_at = ${NOW_MS} + ?1 WHERE claimant = ?2 AND expires_at > ${NOW_MS} RETURNING account`,
    ttlMs,
    claimant,
  );
  return rows.map(({ account }) => account as string);
}

/** Gives a lease back. */
export function* endPollerLease(account: string, claimant: string): Step<void> {
  yield* run('DELETE FROM poller_leases WHERE account = ? AND claimant = ?', account, claimant);
}
