import { all, one, run, type Step } from '../sql/statement.ts';
import { sweepAudit } from './access/audit.ts';
import { sweepSessionValues } from './accounts/sessions.ts';
import { sweepEvents } from './events/events.ts';
import { sweepMediaKeys } from './inbox/media-keys.ts';
import { dropLate } from './outbox/drop-late.ts';
import { GIVEN_UP, HELD } from './outbox/part-states.ts';
import type { Retention } from './port/port.ts';
import { sweepQuestions } from './questions/questions.ts';

/** The most rows that one step changes, so that no poll waits for it. */
const BATCH = 200;

/** The accounts among them that may have something to remove: most have nothing, and need no step of their own. */
export function* accountsToSweep({ accounts, finishedPerUser }: Retention): Step<string[]> {
  // In an inbox with fewer messages no user has too many.
  const messages = yield* one('SELECT min(seq) AS oldest, max(seq) AS newest FROM inbox');
  if (Number(messages?.newest ?? 0) - Number(messages?.oldest ?? 0) >= finishedPerUser) return [...accounts];
  const rows = yield* all(`SELECT DISTINCT account FROM parts WHERE ${HELD}`);
  const holding = new Set(rows.map((row) => row.account as string));
  return accounts.filter((account) => holding.has(account));
}

/** Expires parts that an account has held for too long, and deletes its oldest finished messages. */
export function* sweepAccount(account: string, retention: Retention): Step<boolean> {
  const counts = [yield* expireHeld(account, retention)];
  for (const row of yield* all('SELECT "user" FROM users WHERE account = ?', account)) {
    counts.push(yield* trimUser(account, row.user as string, retention.finishedPerUser));
  }
  return counts.some((count) => count > 0);
}

/**
 * Deletes old finished rows of all accounts: rows of one that is not served any more would otherwise keep
 * younger rows of others for ever. Returns whether there is more.
 */
export function* sweepFinished({ nowMs, finishedMs, finishedPerUser }: Retention): Step<boolean> {
  // Numbers only grow: the oldest rows come first, and n numbers back are at least n rows.
  const users = Number((yield* one('SELECT count(*) AS n FROM users'))?.n ?? 0);
  const newest = Number((yield* one('SELECT max(seq) AS seq FROM parts'))?.seq ?? 0);
  // Whoever asks for one that was merged into another is told what became of that.
  const parts = yield* run(
    `DELETE FROM parts WHERE (finished_at < ?1 OR seq <= ?2) AND finished_at IS NOT NULL
       AND seq IN (SELECT seq FROM parts ORDER BY seq LIMIT ${BATCH})
       AND NOT EXISTS (SELECT 1 FROM parts AS merged WHERE merged.merged_into = parts.seq
         AND merged.finished_at >= ?1 AND merged.seq > ?2)`,
    nowMs - finishedMs,
    newest - finishedPerUser * Math.max(1, users),
  );
  const old = yield* run(
    `DELETE FROM inbox WHERE finished_at < ? AND seq IN (SELECT seq FROM inbox ORDER BY seq LIMIT ${BATCH})`,
    nowMs - finishedMs,
  );
  const values = yield* sweepSessionValues(nowMs - finishedMs, BATCH);
  const keys = yield* sweepMediaKeys(nowMs - finishedMs, BATCH);
  const questions = yield* sweepQuestions(nowMs - finishedMs, BATCH);
  const acts = yield* sweepAudit(nowMs - finishedMs, BATCH);
  const isMore = yield* sweepEvents(nowMs, finishedPerUser * Math.max(1, users));
  // When the first message of a merged turn is deleted, each of the others becomes a turn of its own.
  yield* run(
    `UPDATE inbox SET burst = NULL WHERE burst IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM inbox AS first WHERE first.seq = inbox.burst)`,
  );
  return isMore || [parts, old, values, keys, questions, acts].some((count) => count > 0);
}

/** Expires what an account has held for too long. */
function* expireHeld(account: string, { nowMs, holdMaxMs }: Retention): Step<number> {
  const some = (is: string): string =>
    `seq IN (SELECT seq FROM parts WHERE account = ?2 AND ${HELD} AND ${is} LIMIT ${BATCH})`;
  const late = yield* dropLate(some('expires_at <= ?1'), nowMs, account);
  const old = yield* run(
    `UPDATE parts SET state = ${GIVEN_UP}, reason = 'hold-max', finished_at = ?1 WHERE ${some('held_at < ?3')}`,
    ...[nowMs, account, nowMs - holdMaxMs],
  );
  return late.parts + old;
}

/** Deletes a user's oldest finished messages beyond `keep`. */
function* trimUser(account: string, user: string, keep: number): Step<number> {
  const limit = yield* one(
    'SELECT seq FROM inbox WHERE account = ? AND "user" = ? ORDER BY seq DESC LIMIT 1 OFFSET ?',
    ...[account, user, keep],
  );
  if (!limit) return 0;
  return yield* run(
    `DELETE FROM inbox WHERE seq IN (SELECT seq FROM inbox
       WHERE account = ? AND "user" = ? AND seq <= ? AND finished_at IS NOT NULL LIMIT ${BATCH})`,
    ...[account, user, limit.seq as number],
  );
}
