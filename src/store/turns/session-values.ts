import type { Database } from '../../sqlite/database.ts';
import type { SessionKey } from '../port/port.ts';

const HERE = 'account = ? AND user = ? AND session_id = ? AND name = ?';

/** What was kept under this name in this session; null: nothing. */
export function sessionValue(
  database: Database,
  { account, user, sessionId, name }: SessionKey,
): string | null {
  const row = database.one(`SELECT value FROM session_values WHERE ${HERE}`, account, user, sessionId, name);
  return row === undefined ? null : (row.value as Buffer).toString('utf8');
}

/** Keeps a text under this name in place of the one before; null forgets it. */
export function setSessionValue(
  database: Database,
  input: SessionKey & { value: string | null; nowMs: number },
): void {
  const { account, user, sessionId, name, value, nowMs } = input;
  if (value === null) {
    database.run(`DELETE FROM session_values WHERE ${HERE}`, account, user, sessionId, name);
    return;
  }
  database.run(
    `INSERT INTO session_values (account, user, session_id, name, changed_at, value) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (account, user, session_id, name) DO UPDATE SET changed_at = excluded.changed_at, value = excluded.value`,
    account,
    user,
    sessionId,
    name,
    nowMs,
    Buffer.from(value, 'utf8'),
  );
}

/**
 * Forgets what was kept in sessions that their users have left, when it has not changed since `beforeMs`: until
 * then a message of such a session may be run again. Returns how many were forgotten.
 */
export function sweepSessionValues(database: Database, beforeMs: number, limit: number): number {
  return database.run(
    `DELETE FROM session_values WHERE rowid IN (SELECT v.rowid FROM session_values v
       LEFT JOIN users u ON u.account = v.account AND u.user = v.user AND u.session_id = v.session_id
       WHERE v.changed_at < ? AND u.user IS NULL LIMIT ?)`,
    beforeMs,
    limit,
  ).changes;
}
