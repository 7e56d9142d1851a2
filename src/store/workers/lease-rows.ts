import { all, one, type Row, run, type Statement, type Step } from '../../sql/statement.ts';
import type { Lease } from '../port/lease.ts';
import { NOW } from './worker-rows.ts';

/** Accounts to be served by any worker. Known ones are left out first: ON CONFLICT would lock them all, and wait. */
export function offer(accounts: readonly string[]): Statement<number> {
  return run(
    `INSERT INTO leases (account, shared, changed_at) SELECT offered, 1, ${NOW}
       FROM json_array_elements_text(CAST(? AS json)) AS offered LEFT JOIN leases AS known ON known.account = offered
       WHERE COALESCE(known.shared, 0) = 0
       ON CONFLICT (account) DO UPDATE SET shared = 1 WHERE leases.shared = 0`,
    JSON.stringify(accounts),
  );
}

/** An account that has logged out. One that another worker still serves is that one's to withdraw. */
export function withdraw(account: string, worker: string): Statement<number> {
  return run('DELETE FROM leases WHERE account = ?1 AND COALESCE(worker, ?2) = ?2', account, worker);
}

/** An account that has logged out. One that a living worker serves is that one's to withdraw. */
export function withdrawUnserved(account: string): Statement<number> {
  return run(
    `DELETE FROM leases WHERE account = ?
       AND (worker IS NULL OR worker IN (SELECT worker FROM workers WHERE expires_at <= ${NOW}))`,
    account,
  );
}

/** What a worker holds. */
export function* heldBy(worker: string): Step<(Lease & { isHandedOver: boolean })[]> {
  const rows = yield* all('SELECT account, epoch, last_worker, next FROM leases WHERE worker = ?', worker);
  return rows.map((row) => ({ ...leaseOf(row, worker), isHandedOver: row.next !== null }));
}

/** Whether no turn of an account runs. */
const AT_REST = `NOT EXISTS (SELECT 1 FROM inbox WHERE inbox.account = leases.account AND finished_at IS NULL AND state = 'running')`;

/**
 * Picks accounts of a worker to be handed over to another: they are drained first. A turn takes its time, so accounts at rest
 * are picked; of those in a turn only the ones that are named in `busy`, when there are not enough of the others. Those in a
 * step are passed by. They are picked once (`MATERIALIZED`): a server that asks again for each row picks others each time, and
 * hands over more.
 */
export function* handOver(
  worker: string,
  to: string,
  count: number,
  busy: readonly string[],
): Step<string[]> {
  const rows = yield* all(
    `WITH picked AS MATERIALIZED (SELECT account AS one FROM leases WHERE worker = ?1 AND next IS NULL
           AND (${AT_REST} OR account IN (SELECT json_array_elements_text(CAST(?4 AS json))))
         ORDER BY CASE WHEN ${AT_REST} THEN 0 ELSE 1 END, random() LIMIT ?3 FOR UPDATE OF leases SKIP LOCKED)
       UPDATE leases SET next = ?2 FROM picked WHERE account = picked.one
         AND EXISTS (SELECT 1 FROM workers AS other WHERE other.worker = ?2 AND other.expires_at > ${NOW} AND leaving = 0)
       RETURNING account`,
    ...[worker, to, count, JSON.stringify(busy)],
  );
  return rows.map(({ account }) => account as string);
}

/** Keeps an account that was to be handed over. Nothing happens when somebody else has it. */
export function keep({ account, worker, epoch }: Omit<Lease, 'former'>): Statement<number> {
  return run(
    'UPDATE leases SET next = NULL WHERE account = ? AND worker = ? AND epoch = ?',
    account,
    worker,
    epoch,
  );
}

/** Gives an account back, drained: the worker to be, if there is one. Nothing happens when somebody else has it. */
export function giveBack({ account, worker, epoch }: Omit<Lease, 'former'>): Statement<Row | undefined> {
  return one(
    `UPDATE leases SET worker = NULL, last_worker = worker, changed_at = ${NOW} WHERE account = ? AND worker = ? AND epoch = ?
       RETURNING next`,
    ...[account, worker, epoch],
  );
}

export function leaseOf(row: Row, worker: string): Lease {
  return {
    account: row.account as string,
    worker,
    epoch: row.epoch as number,
    former: row.last_worker as string | null,
  };
}
