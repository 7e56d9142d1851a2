import { digest } from '../core/ids.ts';
import type { Database, Row } from './database.ts';
import type { Fate } from './fate.ts';
import { HAS_KEPT } from './holds.ts';
import type { IncomingMessage, Intake } from './inbox-port.ts';
import { type Place, placeAfter } from './place.ts';

/** What decides about a message before it is stored. */
interface Outlook {
  /** Of the account; null where there is none. */
  login: string | null;
  owner: string | null;
  /** Something stored may be this message, or has its id. */
  isKnown: boolean;
  /** Something of its user waits to be released. */
  hasKept: boolean;
  /** The next place in the session of its user. */
  place: Place;
}

const OUTLOOK = `SELECT login, owner, session_id, turn, ${HAS_KEPT} AS has_kept,
    EXISTS (SELECT 1 FROM inbox WHERE account = ?1 AND id = ?3
      UNION ALL SELECT 1 FROM inbox WHERE account = ?1 AND user = ?2 AND fingerprint = ?4 AND created_at IS ?5) AS is_known
  FROM (SELECT 1)
  LEFT JOIN accounts ON accounts.account = ?1
  LEFT JOIN users ON users.account = ?1 AND users.user = ?2`;

/** See {@link Outlook}: one question, because mostly it is the only one. */
export function outlookOf(database: Database, account: string, message: IncomingMessage): Outlook {
  const { user, id, fingerprint, createdAtMs } = message;
  const row = database.one(OUTLOOK, account, user, id, fingerprint, createdAtMs) as Row;
  return {
    login: row.login as string | null,
    owner: row.owner as string | null,
    isKnown: row.is_known === 1,
    hasKept: row.has_kept === 1,
    place: placeAfter(row.session_id as string | null, row.turn as number | null),
  };
}

/** Stores a new message under this id; with a `place` its turn has begun. Returns its number. */
export function insertMessage(
  database: Database,
  intake: Intake,
  message: IncomingMessage,
  { id, fate, place }: { id: string; fate: Fate; place: Place | null },
): number {
  const { kind, reason, textFrom } = fate;
  const state = place
    ? 'running'
    : { received: 'received', answer: 'received', ignored: 'ignored', command: 'done' }[kind];
  return database.run(
    `INSERT INTO inbox (account, id, user, state, reason, kind, fingerprint, context_token, created_at, received_at, raw,
       text_from, finished_at, unknown_items, attempt, started_at, session_id, turn)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    intake.account,
    id,
    message.user,
    state,
    reason,
    message.kind,
    message.fingerprint,
    message.contextToken,
    message.createdAtMs,
    intake.nowMs,
    message.raw,
    textFrom,
    state === 'ignored' || state === 'done' ? intake.nowMs : null,
    message.unknownItems,
    place ? 1 : 0,
    place ? intake.nowMs : null,
    place?.sessionId ?? null,
    place?.turn ?? null,
  ).rowid;
}

/**
 * A message of the user opens the window again: newest token, full budget (design 3). With a `place` its turn has
 * begun, and has taken that one.
 */
export function noteMessage(
  database: Database,
  { account, nowMs }: Intake,
  message: IncomingMessage,
  { seq, place }: { seq: number; place: Place | null },
): void {
  database.run(
    `INSERT INTO users (account, user, context_token, last_message_at, last_message_seq, session_id, turn)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, COALESCE(?7, 0))
       ON CONFLICT (account, user) DO UPDATE SET context_token = COALESCE(?3, context_token), last_message_at = ?4,
         last_message_seq = ?5, sent = 0, session_id = COALESCE(?6, session_id), turn = COALESCE(?7, turn)`,
    account,
    message.user,
    message.contextToken,
    Math.min(message.createdAtMs ?? nowMs, nowMs),
    seq,
    place?.sessionId ?? null,
    place?.turn ?? null,
  );
}

/** The server's id, or one made of the content where it has none; made unique where the server used it before. */
export function freeId(database: Database, account: string, message: IncomingMessage): string {
  const base =
    message.id ??
    `local-${digest(message.user, message.fingerprint, String(message.createdAtMs), message.contextToken ?? '').slice(0, 16)}`;
  let id = base;
  for (let n = 2; withId(database, account, id); n++) {
    id = `${base}-${n}`;
  }
  return id;
}

/** The message with this id. */
export function withId(database: Database, account: string, id: string): Row | undefined {
  return database.one(
    'SELECT seq, id, user, fingerprint, created_at FROM inbox WHERE account = ? AND id = ?',
    account,
    id,
  );
}
