import { all, one, type Row, run, type Statement, type Step, together } from '../../sql/statement.ts';
import { TTL_MS } from './lease-trust.ts';

/** What a worker says about itself. */
export interface WorkerCard {
  /** By which accounts find their last worker again after a start. */
  name: string;
  host: string;
  pid: number;
  version: string;
  /** `share`: it takes its share of all accounts; the others hold those that they were started for. */
  purpose: 'share' | 'serve' | 'look';
  /** Accounts it serves at the most; null: any number. */
  capacity: number | null;
}

/** The database's clock, in milliseconds: no worker's clock says who is alive. */
export const NOW = 'CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)';

/** The channel on which a worker is woken: no two have the same, in whatever schema. */
export function channelOf(worker: string): string {
  return `wxagent_${worker.slice(-16)}`;
}

/** The same in SQL, for the owner of a lease. */
export const CHANNEL_OF_OWNER = "'wxagent_' || right(worker, 16)";

/** Registers a worker under an id that nobody had before. */
export function register(worker: string, card: WorkerCard): Statement<number> {
  return run(
    `INSERT INTO workers (worker, name, host, pid, version, purpose, capacity, started_at, renewed_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ${NOW}, ${NOW}, ${NOW} + ${TTL_MS})`,
    ...[worker, card.name, card.host, card.pid, card.version, card.purpose, card.capacity],
  );
}

/** Keeps a worker alive: 0 rows when it has expired, for then others may have begun to take its accounts. */
export function renewWorker(worker: string): Statement<number> {
  return run(
    `UPDATE workers SET renewed_at = ${NOW}, expires_at = ${NOW} + ${TTL_MS} WHERE worker = ? AND expires_at > ${NOW}`,
    worker,
  );
}

/**
 * Begins anew as `to` after the worker `from` has expired: what nobody has taken is its own again, under new epochs, so that
 * not everything moves when the server was away from all.
 */
export function* revive(from: string, to: string, card: WorkerCard): Step<void> {
  yield* register(to, card);
  yield* run(
    `UPDATE leases SET worker = ?1, epoch = epoch + 1, last_worker = ?2, next = NULL, changed_at = ${NOW} WHERE worker = ?2`,
    to,
    from,
  );
  yield* run('DELETE FROM workers WHERE worker = ?', from);
}

/** Tells the others that a worker hands everything back: nobody hands anything over to it. */
export function announceLeaving(worker: string): Statement<number> {
  return run('UPDATE workers SET leaving = 1 WHERE worker = ?', worker);
}

/** Takes a worker off the list that has no account any more. The reference of `leases` refuses any other. */
export function unregister(worker: string): Statement<number> {
  return run('DELETE FROM workers WHERE worker = ?', worker);
}

/** A worker, for people. */
export interface WorkerView extends WorkerCard {
  worker: string;
  state: 'serving' | 'leaving' | 'expired';
  accounts: number;
  startedAtMs: number;
  /** Milliseconds since its last renewal. */
  lagMs: number;
}

/** All workers, oldest first. */
export function* workerViews(): Step<WorkerView[]> {
  const rows = yield* all(
    `SELECT worker, name, host, pid, version, purpose, capacity, started_at, ${NOW} - renewed_at AS lag,
       CASE WHEN expires_at <= ${NOW} THEN 'expired' WHEN leaving = 1 THEN 'leaving' ELSE 'serving' END AS state,
       (SELECT COUNT(*) FROM leases WHERE leases.worker = workers.worker) AS accounts
       FROM workers ORDER BY started_at, worker`,
  );
  return rows.map((row) => ({
    worker: row.worker as string,
    name: row.name as string,
    host: row.host as string,
    pid: row.pid as number,
    version: row.version as string,
    purpose: row.purpose as WorkerView['purpose'],
    state: row.state as WorkerView['state'],
    accounts: row.accounts as number,
    capacity: row.capacity as number | null,
    startedAtMs: row.started_at as number,
    lagMs: Math.max(0, row.lag as number),
  }));
}

/** The worker that serves an account, and since when. */
export interface ServingWorker extends Pick<WorkerView, 'worker' | 'name' | 'host' | 'pid' | 'purpose'> {
  sinceMs: number;
}

/** Who serves an account; null: nobody, or one that has expired. */
export function* workerOf(account: string): Step<ServingWorker | null> {
  const row = yield* one(
    `SELECT worker, name, host, pid, purpose, changed_at FROM leases JOIN workers USING (worker) WHERE account = ? AND expires_at > ${NOW}`,
    account,
  );
  if (!row) return null;
  return {
    worker: row.worker as string,
    name: row.name as string,
    host: row.host as string,
    pid: row.pid as number,
    purpose: row.purpose as WorkerView['purpose'],
    sinceMs: row.changed_at as number,
  };
}

/** All workers and how accounts are spread over them, in one way to the server. */
export function* board(): Step<{ workers: Row[]; groups: Row[] }> {
  const [workers, groups] = yield* together(
    all(
      `SELECT worker, capacity, CASE WHEN expires_at > ${NOW} THEN 1 ELSE 0 END AS alive, purpose, leaving FROM workers`,
    ),
    all(
      'SELECT worker, next, COUNT(*) AS accounts, SUM(epoch) AS epochs FROM leases WHERE shared = 1 GROUP BY worker, next',
    ),
  );
  return { workers, groups };
}
