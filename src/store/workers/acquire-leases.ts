import { all, one, run, type Step } from '../../sql/statement.ts';
import type { Lease } from '../port/lease.ts';
import { leaseOf } from './lease-rows.ts';
import { NOW, type WorkerView } from './worker-rows.ts';

/** Free accounts: nobody has them, and they are not on their way to another worker. With `?4`: those of dead workers, too. */
const FREE = `SELECT leases.account AS free FROM leases LEFT JOIN workers ON workers.worker = leases.worker
  WHERE shared = 1 AND ((leases.worker IS NULL
      AND (next IS NULL OR next = ?1 OR next NOT IN (SELECT worker FROM workers WHERE expires_at > ${NOW} AND leaving = 0))
      AND (?3 > 0 OR next = ?1))
    OR (?4 = 1 AND ?3 > 0 AND expires_at <= ${NOW}))
  ORDER BY CASE WHEN next = ?1 THEN 0 WHEN last_name = ?2 THEN 1
      WHEN last_name IN (SELECT name FROM workers WHERE expires_at > ${NOW} AND leaving = 0) THEN 3 ELSE 2 END,
    random()
  LIMIT GREATEST(?3, 0) + (SELECT COUNT(*) FROM leases WHERE worker IS NULL AND next = ?1)
  FOR UPDATE OF leases SKIP LOCKED`;

const NAMED = 'SELECT account AS free FROM leases WHERE account = ?3 FOR UPDATE SKIP LOCKED';

/** Gives what is found to the worker `?1` of the name `?2`, if it lives. */
function takeFound(found: string): string {
  return `WITH found AS MATERIALIZED (${found})
    UPDATE leases SET worker = ?1, epoch = epoch + 1, last_worker = COALESCE(leases.worker, last_worker),
      last_name = ?2, next = NULL, changed_at = ${NOW}
    FROM found WHERE leases.account = found.free
      AND EXISTS (SELECT 1 FROM workers AS mine WHERE mine.worker = ?1 AND mine.expires_at > ${NOW})
    RETURNING account, epoch, last_worker`;
}

const FORGET_DEAD = `DELETE FROM workers WHERE expires_at <= ${NOW}
  AND NOT EXISTS (SELECT 1 FROM leases WHERE leases.worker = workers.worker)`;

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
  const rows = yield* all(takeFound(FREE), me.worker, me.name, most, mayTakeOver ? 1 : 0);
  // In the transaction that moved the last of their accounts.
  yield* run(FORGET_DEAD);
  return rows.map((row) => leaseOf(row, me.worker));
}

/** Who has an account that was asked for by name. */
export interface LeaseHolder extends Pick<WorkerView, 'host' | 'pid' | 'purpose'> {
  /** Another one with every renewal, and for every worker. */
  renewal: string;
  /** When its lease ends, unless it is renewed; 0: it has ended, and its account can be taken soon. */
  leftMs: number;
}

/** What became of an account that was asked for; `holder` is null while that cannot be said. */
export type Taken = { lease: Lease } | { holder: LeaseHolder | null };

/** Takes one account, unless another worker has it, or is about to; see {@link takeFree}. */
export function* takeNamed(
  me: { worker: string; name: string },
  { account, mayTakeOver }: { account: string; mayTakeOver: boolean },
): Step<Taken> {
  yield* run('INSERT INTO leases (account) VALUES (?) ON CONFLICT (account) DO NOTHING', account);
  const row = yield* one(
    `SELECT leases.worker, epoch, last_worker, owner.worker AS owner, host, pid, purpose, owner.leaving,
         renewed_at, GREATEST(owner.expires_at - ${NOW}, 0) AS left_ms
       FROM leases LEFT JOIN workers AS owner ON owner.worker = COALESCE(leases.worker, next) WHERE account = ?`,
    account,
  );
  if (!row) throw new Error(`no lease on ${account}`);
  if (row.worker === me.worker) return { lease: leaseOf({ ...row, account }, me.worker) };
  const leftMs = Number(row.left_ms);
  const isAlive = leftMs > 0;
  const isComing = row.worker === null && row.owner !== null && isAlive && row.leaving === 0;
  if (isComing || (row.worker !== null && (isAlive || !mayTakeOver))) {
    const { host, pid, purpose } = row;
    return {
      holder: {
        host: host as string,
        pid: pid as number,
        purpose: purpose as LeaseHolder['purpose'],
        renewal: `${row.owner} ${row.renewed_at}`,
        leftMs,
      },
    };
  }
  const former = row.worker ?? null;
  if (former !== null) yield* run('UPDATE workers SET expires_at = 0 WHERE worker = ?', former);
  const taken = yield* one(takeFound(NAMED), me.worker, me.name, account);
  yield* run(FORGET_DEAD);
  return taken ? { lease: leaseOf(taken, me.worker) } : { holder: null };
}
