import { all, one, run, type Step } from '../sql/statement.ts';
import { sweepSessionValues } from './accounts/sessions.ts';
import { sweepMediaKeys } from './inbox/media-keys.ts';
import { GIVEN_UP, HELD } from './outbox/part-states.ts';
import type { Retention } from './port/port.ts';

/** The most rows that one step changes, so that no poll waits for it. */
const BATCH = 200;

/** Expires parts that were held for too long, and deletes old finished rows (design 4). Returns whether there is more. */
export function* sweep(retention: Retention): Step<boolean> {
  const { accounts, nowMs } = retention;
  const counts: number[] = [];
  const holding = new Set(
    (yield* all(`SELECT DISTINCT account FROM parts WHERE ${HELD}`)).map((row) => row.account),
  );
  for (const account of accounts) {
    if (holding.has(account)) counts.push(yield* expireHeld(account, retention));
  }
  // Numbers only grow: the oldest rows come first, and n numbers back are at least n rows. All accounts are swept
  // together: rows of an account that is not served any more would otherwise keep younger rows of others for ever.
  const users = Number((yield* one('SELECT count(*) AS n FROM users'))?.n ?? 0);
  const newest = Number((yield* one('SELECT max(seq) AS seq FROM parts'))?.seq ?? 0);
  const parts = yield* run(
    `DELETE FROM parts WHERE (finished_at < ? OR seq <= ?) AND finished_at IS NOT NULL
       AND seq IN (SELECT seq FROM parts ORDER BY seq LIMIT ${BATCH})`,
    nowMs - retention.finishedMs,
    newest - retention.finishedPerUser * Math.max(1, users),
  );
  const old = yield* run(
    `DELETE FROM inbox WHERE finished_at < ? AND seq IN (SELECT seq FROM inbox ORDER BY seq LIMIT ${BATCH})`,
    nowMs - retention.finishedMs,
  );
  const values = yield* sweepSessionValues(nowMs - retention.finishedMs, BATCH);
  const keys = yield* sweepMediaKeys(nowMs - retention.finishedMs, BATCH);
  counts.push(parts, old, values, keys);
  // In an inbox with fewer messages no user has too many.
  const messages = yield* one('SELECT min(seq) AS oldest, max(seq) AS newest FROM inbox');
  const isLong = Number(messages?.newest ?? 0) - Number(messages?.oldest ?? 0) >= retention.finishedPerUser;
  for (const account of isLong ? accounts : []) {
    for (const row of yield* all('SELECT "user" FROM users WHERE account = ?', account)) {
      counts.push(yield* trimUser(account, row.user as string, retention.finishedPerUser));
    }
  }
  // When the first message of a merged turn is deleted, each of the others becomes a turn of its own.
  yield* run(
    `UPDATE inbox SET burst = NULL WHERE burst IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM inbox AS first WHERE first.seq = inbox.burst)`,
  );
  return counts.some((count) => count > 0);
}

/** Expires what an account has held for too long. */
function* expireHeld(account: string, { nowMs, holdMaxMs }: Retention): Step<number> {
  return yield* run(
    `UPDATE parts SET state = ${GIVEN_UP}, reason = CASE WHEN expires_at <= ?1 THEN 'ttl' ELSE 'hold-max' END, finished_at = ?1
       WHERE seq IN (SELECT seq FROM parts WHERE account = ?2 AND ${HELD}
         AND (held_at < ?3 OR expires_at <= ?1) LIMIT ${BATCH})`,
    nowMs,
    account,
    nowMs - holdMaxMs,
  );
}

/** Deletes a user's oldest finished messages beyond `keep`. */
function* trimUser(account: string, user: string, keep: number): Step<number> {
  const limit = yield* one(
    'SELECT seq FROM inbox WHERE account = ? AND "user" = ? ORDER BY seq DESC LIMIT 1 OFFSET ?',
    account,
    user,
    keep,
  );
  if (!limit) return 0;
  return yield* run(
    `DELETE FROM inbox WHERE seq IN (SELECT seq FROM inbox
       WHERE account = ? AND "user" = ? AND seq <= ? AND state NOT IN ('received', 'waiting', 'running') LIMIT ${BATCH})`,
    account,
    user,
    limit.seq as number,
  );
}
