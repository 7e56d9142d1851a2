import { newUuid } from '../../core/ids.ts';
import { one, run, type Step } from '../../sql/statement.ts';
import type { SessionKey, StartedTurn } from '../port/port.ts';

/** Counts a new turn in the user's session; starts a session when they have none. */
export function* nextTurn({
  account,
  user,
}: {
  account: string;
  user: string;
}): Step<Pick<StartedTurn, 'sessionId' | 'turn'>> {
  const row = yield* one(
    `INSERT INTO users (account, "user", session_id, turn) VALUES (?1, ?2, ?3, 1)
       ON CONFLICT (account, "user") DO UPDATE SET session_id = COALESCE(users.session_id, ?3), turn = users.turn + 1
       RETURNING session_id, turn`,
    account,
    user,
    newUuid(),
  );
  return { sessionId: row?.session_id as string, turn: row?.turn as number };
}

/** Ends the user's session: their next turn starts a new one. */
export function* endSession({ account, user }: { account: string; user: string }): Step<void> {
  yield* run('UPDATE users SET session_id = NULL, turn = 0 WHERE account = ? AND "user" = ?', account, user);
}

/** The user's newest context token; null: none. */
export function* contextToken({ account, user }: { account: string; user: string }): Step<string | null> {
  const row = yield* one('SELECT context_token FROM users WHERE account = ? AND "user" = ?', account, user);
  return (row?.context_token as string | null | undefined) ?? null;
}

const BY_KEY = 'account = ? AND "user" = ? AND session_id = ? AND name = ?';

/** The text that is kept under this key; null: none. */
export function* sessionValue({ account, user, sessionId, name }: SessionKey): Step<string | null> {
  const row = yield* one(`SELECT value FROM session_values WHERE ${BY_KEY}`, account, user, sessionId, name);
  return row === undefined ? null : (row.value as Buffer).toString('utf8');
}

/** Keeps a text under this key, in place of the one before; null forgets it. */
export function* setSessionValue(input: SessionKey & { value: string | null; nowMs: number }): Step<void> {
  const { account, user, sessionId, name, value, nowMs } = input;
  if (value === null) {
    yield* run(`DELETE FROM session_values WHERE ${BY_KEY}`, account, user, sessionId, name);
    return;
  }
  yield* run(
    `INSERT INTO session_values (account, "user", session_id, name, changed_at, value) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (account, "user", session_id, name) DO UPDATE SET changed_at = excluded.changed_at, value = excluded.value`,
    account,
    user,
    sessionId,
    name,
    nowMs,
    Buffer.from(value, 'utf8'),
  );
}

/**
 * Deletes the texts of ended sessions that have not changed since `beforeMs`: until then a message of such a session may
 * be run again. Returns how many were deleted.
 */
export function* sweepSessionValues(beforeMs: number, limit: number): Step<number> {
  return yield* run(
    `DELETE FROM session_values WHERE (account, "user", session_id, name) IN (
       SELECT v.account, v."user", v.session_id, v.name FROM session_values v
         LEFT JOIN users u ON u.account = v.account AND u."user" = v."user" AND u.session_id = v.session_id
         WHERE v.changed_at < ? AND u."user" IS NULL LIMIT ?)`,
    beforeMs,
    limit,
  );
}
