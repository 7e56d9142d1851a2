import { all, one, type Row, run, type Step } from '../../sql/statement.ts';
import { type Access, type BrowserSession, browserName, USE_NOTED_EVERY_MS } from '../port/access.ts';
import { noteAct } from './audit.ts';

/** A session that was not used for so long has ended. */
const SESSION_MS = 7 * 24 * 3_600_000;
/** So many browsers at most: the one that was seen longest ago goes. */
const MOST_SESSIONS = 25;

const COLUMNS = 'digest, user_agent, created_at, last_seen_at';

/** Stores a one-time code; see `Access.addCode`. */
export function* addCode(input: Parameters<Access['addCode']>[0]): Step<void> {
  yield* run('DELETE FROM access_codes WHERE expires_at <= ?', input.nowMs);
  yield* run(
    'INSERT INTO access_codes (digest, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING',
    input.digest,
    input.expiresAtMs,
  );
  const about = new Date(input.expiresAtMs).toISOString();
  yield* noteAct({ ...input, act: 'code-add', account: null, about });
}

/** Takes a code in exchange for a session; see `Access.redeemCode`. */
export function* redeemCode(input: Parameters<Access['redeemCode']>[0]): Step<boolean> {
  const { session, replaces, nowMs } = input;
  const taken = yield* run(
    'DELETE FROM access_codes WHERE digest = ? AND expires_at > ?',
    input.digest,
    nowMs,
  );
  if (taken === 0) return false;
  yield* run('DELETE FROM access_sessions WHERE last_seen_at <= ?', nowMs - SESSION_MS);
  const replaced = replaces && (yield* run('DELETE FROM access_sessions WHERE digest = ?', replaces));
  yield* run(
    `INSERT INTO access_sessions (${COLUMNS}) VALUES (?, ?, ?, ?)`,
    ...[session.digest, session.userAgent, nowMs, nowMs],
  );
  yield* run(
    `DELETE FROM access_sessions WHERE digest NOT IN
       (SELECT digest FROM access_sessions ORDER BY last_seen_at DESC, digest LIMIT ${MOST_SESSIONS})`,
  );
  const who = browserName(session.digest);
  const act = replaced ? 'session-confirm' : 'session-start';
  yield* noteAct({ by: who, act, account: null, about: session.userAgent, nowMs });
  return true;
}

/** The session of a cookie; null: none, or it has ended. */
export function* browserSession(digest: string, nowMs: number): Step<BrowserSession | null> {
  const row = yield* one(
    `SELECT ${COLUMNS} FROM access_sessions WHERE digest = ? AND last_seen_at > ?`,
    digest,
    nowMs - SESSION_MS,
  );
  return row ? sessionOf(row) : null;
}

/** Records that a session was used. */
export function* noteSessionUse({ digest, nowMs }: { digest: string; nowMs: number }): Step<void> {
  yield* run(
    'UPDATE access_sessions SET last_seen_at = ? WHERE digest = ? AND last_seen_at <= ?',
    ...[nowMs, digest, nowMs - USE_NOTED_EVERY_MS],
  );
}

/** All sessions, newest first. */
export function* browserSessions(nowMs: number): Step<BrowserSession[]> {
  const rows = yield* all(
    `SELECT ${COLUMNS} FROM access_sessions WHERE last_seen_at > ? ORDER BY created_at DESC, digest`,
    nowMs - SESSION_MS,
  );
  return rows.map(sessionOf);
}

/** Ends one session, or all; see `Access.endSessions`. */
export function* endSessions(input: { digest: string | null; by: string; nowMs: number }): Step<number> {
  const { digest } = input;
  const ended =
    digest === null
      ? yield* run('DELETE FROM access_sessions')
      : yield* run('DELETE FROM access_sessions WHERE digest = ?', digest);
  const about = digest === null ? 'all' : browserName(digest);
  if (ended > 0) yield* noteAct({ ...input, act: 'session-end', account: null, about });
  return ended;
}

function sessionOf(row: Row): BrowserSession {
  return {
    digest: row.digest as string,
    userAgent: row.user_agent as string,
    createdAtMs: row.created_at as number,
    lastSeenAtMs: row.last_seen_at as number,
  };
}
