import type { Database } from '../sqlite/database.ts';
import { sweepMediaKeys } from './inbox/media-keys.ts';
import { GIVEN_UP, HELD } from './outbox/parts.ts';
import type { Retention } from './port/port.ts';
import { sweepSessionValues } from './turns/session-values.ts';

/** Rows touched by one step, so that it never keeps a poll waiting. */
const BATCH = 200;

/**
 * Lets parts expire that were held for too long, and forgets what is finished for long (design 4).
 * Returns whether there is more to do.
 */
export function sweep(database: Database, retention: Retention): boolean {
  const { account, nowMs } = retention;
  const expired = database.run(
    `UPDATE parts SET state = ${GIVEN_UP}, reason = CASE WHEN expires_at <= ?1 THEN 'ttl' ELSE 'hold-max' END, finished_at = ?1
       WHERE seq IN (SELECT seq FROM parts WHERE account = ?2 AND ${HELD}
         AND (held_at < ?1 - ?3 OR expires_at <= ?1) LIMIT ${BATCH})`,
    nowMs,
    account,
    retention.holdMaxMs,
  );
  // Numbers only grow, so the oldest rows are at the start, and that many numbers back is at least that many rows.
  // Of all accounts: rows of one that nobody serves any more would keep the younger ones of the others for ever.
  const users = Number(database.one('SELECT count(*) AS n FROM users')?.n ?? 0);
  const newest = Number(database.one('SELECT max(seq) AS seq FROM parts')?.seq ?? 0);
  const parts = database.run(
    `DELETE FROM parts WHERE (finished_at < ? OR seq <= ?) AND finished_at IS NOT NULL
       AND seq IN (SELECT seq FROM parts ORDER BY seq LIMIT ${BATCH})`,
    nowMs - retention.finishedMs,
    newest - retention.finishedPerUser * Math.max(1, users),
  );
  const old = database.run(
    `DELETE FROM inbox WHERE finished_at < ? AND seq IN (SELECT seq FROM inbox ORDER BY seq LIMIT ${BATCH})`,
    nowMs - retention.finishedMs,
  );
  const values = sweepSessionValues(database, nowMs - retention.finishedMs, BATCH);
  const keys = sweepMediaKeys(database, nowMs - retention.finishedMs, BATCH);
  const counts = [expired.changes, parts.changes, old.changes, values, keys];
  for (const row of database.all('SELECT user FROM users WHERE account = ?', account)) {
    counts.push(trimUser(database, account, row.user as string, retention.finishedPerUser));
  }
  // Where the first of several messages that were one turn is forgotten, each of the others is one by itself.
  database.run(
    `UPDATE inbox SET burst = NULL WHERE burst IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM inbox AS first WHERE first.seq = inbox.burst)`,
  );
  return counts.some((count) => count > 0);
}

/** Forgets a user's oldest finished messages beyond `keep`. */
function trimUser(database: Database, account: string, user: string, keep: number): number {
  const limit = database.one(
    'SELECT seq FROM inbox WHERE account = ? AND user = ? ORDER BY seq DESC LIMIT 1 OFFSET ?',
    account,
    user,
    keep,
  );
  if (!limit) return 0;
  return database.run(
    `DELETE FROM inbox WHERE seq IN (SELECT seq FROM inbox
       WHERE account = ? AND user = ? AND seq <= ? AND state NOT IN ('received', 'waiting', 'running') LIMIT ${BATCH})`,
    account,
    user,
    limit.seq as number,
  ).changes;
}
