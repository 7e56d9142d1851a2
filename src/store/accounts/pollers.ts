import type { Database, Row } from '../../sqlite/database.ts';
import type { Claimant } from '../outbox/lease.ts';
import type { Poller } from '../port/port.ts';

/** The other process that certainly receives an account's messages; see `Admin.poller`. */
export function livingPoller(database: Database, account: string, claimant: Claimant): Poller | null {
  const row = database.one('SELECT claimant, purpose FROM pollers WHERE account = ?', account);
  if (!row || row.claimant === claimant.id || !claimant.isSurelyAlive(row.claimant as string)) return null;
  return pollerOf(row);
}

/** Makes the claimant the poller, unless another living process is. Returns that one. */
export function becomePoller(
  database: Database,
  { account, purpose }: { account: string; purpose: Poller['purpose'] },
  claimant: Claimant,
): Poller | null {
  const other = livingPoller(database, account, claimant);
  if (other) return other;
  database.run(
    'INSERT OR REPLACE INTO pollers (account, claimant, purpose) VALUES (?, ?, ?)',
    account,
    claimant.id,
    purpose,
  );
  return null;
}

/** Ends the claimant's polling. */
export function endPolling(database: Database, account: string, claimant: Claimant): void {
  database.run('DELETE FROM pollers WHERE account = ? AND claimant = ?', account, claimant.id);
}

function pollerOf(row: Row): Poller {
  return { claimant: row.claimant as string, purpose: row.purpose === 'look' ? 'look' : 'serve' };
}
