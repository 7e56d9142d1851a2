import { sql } from '../../sql/dialect.ts';
import { all, one, run, type Step } from '../../sql/statement.ts';
import type { Claimant } from '../outbox/user-lease.ts';
import type { NotedPoller, Poller } from '../port/port.ts';

/** Time of the database: what notes a poller is no step of its clock. */
const NOW = {
  sqlite: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
  postgres: 'CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)',
};
const BECOME = sql`INSERT INTO pollers (account, claimant, purpose, slot, since) VALUES (?, ?, ?, ?, ${NOW})
  ON CONFLICT (account) DO UPDATE SET claimant = excluded.claimant, purpose = excluded.purpose, slot = excluded.slot,
    since = CASE WHEN pollers.claimant = excluded.claimant THEN pollers.since ELSE excluded.since END`;

/** Who is noted as the poller of an account; see `Admin.poller`. */
export function* notedPoller(account: string): Step<NotedPoller | null> {
  const row = yield* one('SELECT claimant, purpose, slot, since FROM pollers WHERE account = ?', account);
  if (!row) return null;
  return {
    claimant: row.claimant as string,
    purpose: row.purpose === 'look' ? 'look' : 'serve',
    slot: row.slot as number | null,
    sinceMs: row.since as number | null,
  };
}

/** Notes the claimant as the poller in place of `former`. Returns whether nobody else was noted meanwhile. */
export function* becomePoller(
  { account, purpose, slot, former }: Omit<Poller, 'claimant'> & { account: string; former: Poller | null },
  claimant: Claimant,
): Step<boolean> {
  const noted = yield* notedPoller(account);
  if (noted?.claimant !== former?.claimant || noted?.slot !== former?.slot) return false;
  yield* run(BECOME, account, claimant.id, purpose, slot);
  return true;
}

/** The accounts that the claimant is noted for. */
export function* polledAccounts(claimant: Claimant): Step<string[]> {
  const rows = yield* all('SELECT account FROM pollers WHERE claimant = ?', claimant.id);
  return rows.map(({ account }) => account as string);
}

/** Ends the claimant's polling. */
export function* endPolling(account: string, claimant: Claimant): Step<void> {
  yield* run('DELETE FROM pollers WHERE account = ? AND claimant = ?', account, claimant.id);
}
