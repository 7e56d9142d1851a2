import { newUuid } from '../../core/ids.ts';
import { one, type Row, run, type Step, unawaited } from '../../sql/statement.ts';
import type { SessionKey } from '../port/port.ts';

/** A user's session, as their row has it, and its newest turn. */
export interface UserSession {
  sessionId: string | null;
  turn: number;
}

const COUNT_TURN = `INSERT INTO users (account, "user", session_id, turn) VALUES (?1, ?2, ?3, ?4)
  ON CONFLICT (account, "user") DO UPDATE SET session_id = ?3, turn = ?4`;

/** Counts a new turn in the user's session, which is `before` it; starts a session when they have none. */
export function* nextTurn(
  { account, user }: { account: string; user: string },
  before: UserSession,
): Step<UserSession & { sessionId: string }> {
  const next = { sessionId: before.sessionId ?? newUuid(), turn: before.turn + 1 };
  yield* unawaited(run(COUNT_TURN, account, user, next.sessionId, next.turn));
  return next;
}

export function* userSession({ account, user }: { account: string; user: string }): Step<UserSession> {
  const row = yield* one(
    'SELECT session_id, turn FROM users WHERE account = ? AND "user" = ?',
    account,
    user,
  );
  return sessionOf(row?.session_id, row?.turn);
}

/** The session of a user, of whom there may be no row. */
export function sessionOf(sessionId: Row[string] | undefined, turn: Row[string] | undefined): UserSession {
  return { sessionId: (sessionId as string | null | undefined) ?? null, turn: Number(turn ?? 0) };
}

/** Ends the user's session: their next turn starts a new one. */
export function* endSession({ account, user }: { account: string; user: string }): Step<void> {
  yield* unawaited(
    run('UPDATE users SET session_id = NULL, turn = 0 WHERE account = ? AND "user" = ?', account, user),
  );
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
    ...[account, user, sessionId, name, nowMs, Buffer.from(value, 'utf8')],
  );
}

/** Deletes texts of ended sessions unchanged since `beforeMs`: until then their messages may run again. Returns how many. */
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
