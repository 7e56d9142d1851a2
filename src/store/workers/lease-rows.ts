import { all, one, type Row, run, type Statement, type Step } from '../../sql/statement.ts';
import type { Lease } from '../port/lease.ts';
import { NOW } from './worker-rows.ts';

/** Accounts that are to be served from now on. */
export function offer(accounts: readonly string[]): Statement<number> {
  return run(
    `INSERT INTO leases (account, changed_at) SELECT offered, ${NOW}
       FROM json_array_elements_text(CAST(? AS json)) AS offered ON CONFLICT (account) DO NOTHING`,
    JSON.stringify(accounts),
  );
}

/** An account that has logged out. One that another worker still serves is that one's to withdraw. */
export function withdraw(account: string, worker: string): Statement<number> {
  return run('DELETE FROM leases WHERE account = ?1 AND COALESCE(worker, ?2) = ?2', account, worker);
}

/** What a worker holds. */
export function* heldBy(worker: string): Step<(Lease & { isHandedOver: boolean })[]> {
  const rows = yield* all('SELECT account, epoch, last_worker, next FROM leases WHERE worker = ?', worker);
  return rows.map((row) => ({ ...leaseOf(row, worker), isHandedOver: row.next !== null }));
}

/** Free accounts: nobody has them, and they are not on their way to another worker. With `?4`: those of dead workers, too. */
const FREE = `SELECT leases.account AS free FROM leases LEFT JOIN workers ON workers.worker = leases.worker
  WHERE (leases.worker IS NULL
      AND (next IS NULL OR next = ?1 OR next NOT IN (SELECT worker FROM workers WHERE expires_at > ${NOW} AND leaving = 0))
      AND (?3 > 0 OR next = ?1))
    OR (?4 = 1 AND ?3 > 0 AND expires_at <= ${NOW})
  ORDER BY CASE WHEN next = ?1 THEN 0 WHEN last_name = ?2 THEN 1
      WHEN last_name IN (SELECT name FROM workers WHERE expires_at > ${NOW} AND leaving = 0) THEN 3 ELSE 2 END,
    random()
  LIMIT GREATEST(?3, 0) + (SELECT COUNT(*) FROM leases WHERE worker IS NULL AND next = ?1)
  FOR UPDATE OF leases SKIP LOCKED`;

/**
 * Takes free accounts under new epochs: those that are handed over to the worker, and `most` others; first those that it
 * served last. `mayTakeOver`: accounts of expired workers count as free. Rows that a stopped process has locked are skipped.
 */
export function* takeFree(
  me: { worker: string; name: string },
  { most, mayTakeOver }: { most: number; mayTakeOver: boolean },
): Step<Lease[]> {
  // From here on it stays expired, however the clock of the server is set.
  if (mayTakeOver)
    yield* run(`UPDATE workers SET expires_at = 0 WHERE expires_at <= ${NOW} AND expires_at > 0`);
  const rows = yield* all(
    `WITH found AS MATERIALIZED (${FREE})
       UPDATE leases SET worker = ?1, epoch = epoch + 1, last_worker = COALESCE(leases.worker, last_worker),
         last_name = ?2, next = NULL, changed_at = ${NOW}
       FROM found WHERE leases.account = found.free
         AND EXISTS (SELECT 1 FROM workers AS mine WHERE mine.worker = ?1 AND mine.expires_at > ${NOW})
       RETURNING account, epoch, last_worker`,
    me.worker,
    me.name,
    most,
    mayTakeOver ? 1 : 0,
  );
  // In the transaction that moved the last of their accounts.
  yield* run(
    `DELETE FROM workers WHERE expires_at <= ${NOW}
       AND NOT EXISTS (SELECT 1 FROM leases WHERE leases.worker = workers.worker)`,
  );
  return rows.map((row) => leaseOf(row, me.worker));
}

/** Picks accounts of a worker to be handed over to another: they are drained first. */
export function* handOver(worker: string, to: string, count: number): Step<string[]> {
  const rows = yield* all(
    `UPDATE leases SET next = ?2 WHERE worker = ?1 AND next IS NULL AND account IN (
         SELECT account FROM leases WHERE worker = ?1 AND next IS NULL ORDER BY random() LIMIT ?3)
       AND EXISTS (SELECT 1 FROM workers AS other WHERE other.worker = ?2 AND other.expires_at > ${NOW} AND leaving = 0)
       RETURNING account`,
    worker,
    to,
    count,
  );
  return rows.map(({ account }) => account as string);
}

/** Gives an account back, drained: the worker to be, if there is one. Nothing happens when somebody else has it. */
export function giveBack({ account, worker, epoch }: Omit<Lease, 'former'>): Statement<Row | undefined> {
  return one(
    `UPDATE leases SET worker = NULL, last_worker = worker, changed_at = ${NOW} WHERE account = ? AND worker = ? AND epoch = ?
       RETURNING next`,
    account,
    worker,
    epoch,
  );
}

function leaseOf(row: Row, worker: string): Lease {
  return {
    account: row.account as string,
    worker,
    epoch: row.epoch as number,
    former: row.last_worker as string | null,
  };
}
