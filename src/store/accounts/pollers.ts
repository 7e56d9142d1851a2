import type { Database } from '../../sqlite/database.ts';
import type { Claimant } from '../outbox/lease.ts';
import type { Poller } from '../port/port.ts';

/** Who is noted as the poller of an account; see `Admin.poller`. */
export function notedPoller(database: Database, account: string): Poller | null {
  const row = database.one('SELECT claimant, purpose, slot FROM pollers WHERE account = ?', account);
  if (!row) return null;
  return {
    claimant: row.claimant as string,
    purpose: row.purpose === 'look' ? 'look' : 'serve',
    slot: row.slot as number | null,
  };
}

/** Notes the claimant as the poller in place of `former`. Returns whether nobody else was noted meanwhile. */
export function becomePoller(
  database: Database,
  { account, purpose, slot, former }: Omit<Poller, 'claimant'> & { account: string; former: Poller | null },
  claimant: Claimant,
): boolean {
  const noted = notedPoller(database, account);
  if (noted?.claimant !== former?.claimant || noted?.slot !== former?.slot) return false;
  database.run(
    'INSERT OR REPLACE INTO pollers (account, claimant, purpose, slot) VALUES (?, ?, ?, ?)',
    account,
    claimant.id,
    purpose,
    slot,
  );
  return true;
}

/** The accounts that the claimant is noted for. */
export function polledAccounts(database: Database, claimant: Claimant): string[] {
  const rows = database.all('SELECT account FROM pollers WHERE claimant = ?', claimant.id);
  return rows.map(({ account }) => account as string);
}

/** Ends the claimant's polling. */
export function endPolling(database: Database, account: string, claimant: Claimant): void {
  database.run('DELETE FROM pollers WHERE account = ? AND claimant = ?', account, claimant.id);
}
