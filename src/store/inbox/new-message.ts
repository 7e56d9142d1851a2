import { digest } from '../../core/ids.ts';
import type { ChatLanguage } from '../../core/message/language.ts';
import type { Database, Row } from '../../sqlite/database.ts';
import { HAS_KEPT } from '../outbox/holds.ts';
import type { IncomingMessage, Intake, MessageState } from '../port/port.ts';
import type { Fate } from './fate.ts';

/** What decides about a message before it is stored. */
export interface Outlook {
  /** Of the account; null where there is none. */
  login: string | null;
  owner: string | null;
  /** Something stored may be this message, or has its id. */
  isKnown: boolean;
  /** Something of its user waits to be released. */
  hasKept: boolean;
  /** What its user has written in until now. */
  language: ChatLanguage | null;
}

/**
 * Among so many newest messages of a user one that comes again is found by its token. There is no index of tokens: in
 * their order every message would write a page of its own.
 */
const LATELY = 32;

/** What a user wrote lately, as SQL. */
const RECENT = `SELECT seq, id, fingerprint, context_token FROM inbox WHERE account = ?1 AND user = ?2
  ORDER BY seq DESC LIMIT ${LATELY}`;

/** What is stored and may be the message with the id ?3 of the user ?2, or has its id, as SQL. */
const KNOWN = `SELECT 1 FROM inbox WHERE account = ?1 AND id = ?3
  UNION ALL SELECT 1 FROM inbox WHERE account = ?1 AND user = ?2 AND fingerprint = ?4 AND created_at IS ?5
  UNION ALL SELECT 1 FROM (${RECENT}) WHERE fingerprint = ?4 AND context_token = ?6`;
const IS_KNOWN = `${KNOWN} LIMIT 1`;
const OUTLOOK = `SELECT login, owner, language, ${HAS_KEPT} AS has_kept, EXISTS (${KNOWN}) AS is_known
  FROM (SELECT 1)
  LEFT JOIN accounts ON accounts.account = ?1
  LEFT JOIN users ON users.account = ?1 AND users.user = ?2`;

/**
 * See {@link Outlook}: one question, because mostly it is the only one. What is of the user stays as it was at his
 * `first` message of the poll: nothing is held anew.
 */
export function outlookOf(
  database: Database,
  account: string,
  message: IncomingMessage,
  first: Outlook | undefined,
): Outlook {
  const { user, id, fingerprint, createdAtMs, contextToken } = message;
  const values = [account, user, id, fingerprint, createdAtMs, contextToken];
  if (first) return { ...first, isKnown: database.one(IS_KNOWN, ...values) !== undefined };
  const row = database.one(OUTLOOK, ...values) as Row;
  return {
    login: row.login as string | null,
    owner: row.owner as string | null,
    isKnown: row.is_known === 1,
    hasKept: row.has_kept === 1,
    language: row.language as ChatLanguage | null,
  };
}

/**
 * The stored message of the same user, content and token, whatever its id and time: a token is issued once per message
 * (protocol 15a). Where other content has come with that token the server gives the same one again, and it says nothing.
 */
export function withToken(
  database: Database,
  account: string,
  { user, fingerprint, contextToken }: IncomingMessage,
): Row | undefined {
  if (contextToken === null) return undefined;
  const found = database.all(
    `SELECT seq, id, fingerprint FROM (${RECENT}) WHERE context_token = ?3 ORDER BY seq`,
    account,
    user,
    contextToken,
  );
  return found.every((row) => row.fingerprint === fingerprint) ? found[0] : undefined;
}

/** Stores a new message under this id. Returns its number. */
export function insertMessage(
  database: Database,
  intake: Intake,
  message: IncomingMessage,
  { id, fate, isTriaged }: { id: string; fate: Fate; isTriaged: boolean },
): number {
  const { reason, textFrom } = fate;
  const state = stateOf(fate);
  return database.run(
    `INSERT INTO inbox (account, id, user, state, reason, kind, fingerprint, context_token, created_at, received_at, raw,
       text_from, finished_at, unknown_items, untriaged)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
    isTriaged || state === 'ignored' ? 0 : 1,
  ).rowid;
}

/** The state of a message of which this was decided. */
export function stateOf({ kind }: Fate): MessageState {
  switch (kind) {
    case 'command':
      return 'done';
    case 'ignored':
      return 'ignored';
    default:
      return 'received';
  }
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
