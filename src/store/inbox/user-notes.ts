import type { ChatLanguage } from '../../core/message/language.ts';
import type { Database } from '../../sqlite/database.ts';
import { LATE_POLL_MS, RECENT } from '../outbox/parts.ts';
import type { IncomingMessage, Intake } from '../port/port.ts';

/** What the messages of a poll say of their users, each of whom is written once. */
export interface UserNotes {
  /**
   * A message of the user opens the window again: newest token, full budget (design 3), but for what has gone out since
   * it was written. `seq` is its number.
   */
  add(message: IncomingMessage, seq: number): void;
  /** Writes what is known by now of this user, or of all. */
  write(user?: string): void;
}

/** What is to be written of a user. */
interface Note {
  token: string | null;
  language: ChatLanguage | null;
  atMs: number;
  seq: number;
}

/**
 * What the server counts towards the budget that a message of the time ?4 opens: it has had the message longer than we
 * have. A poll that came back since would have brought it: then it is a clock that differs.
 */
const SENT_SINCE = `CASE WHEN last_send_at <= ?4 THEN 0 ELSE MIN(sent, (SELECT count(*) FROM parts
  WHERE seq > (SELECT max(seq) FROM parts) - ${RECENT} AND account = ?1 AND user = ?2 AND (state = 'sending'
    OR (state IN ('confirmed', 'unconfirmed')
      AND finished_at > MAX(?4, COALESCE((SELECT last_poll_at FROM accounts WHERE account = ?1), ?7)))))) END`;

/** See {@link UserNotes}. */
export function createUserNotes(database: Database, { account, nowMs }: Intake): UserNotes {
  const notes = new Map<string, Note>();

  function write(user: string, { token, atMs, seq, language }: Note): void {
    database.run(
      `INSERT INTO users (account, user, context_token, last_message_at, last_message_seq, language)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (account, user) DO UPDATE SET context_token = COALESCE(?3, context_token), last_message_at = ?4,
           last_message_seq = ?5, sent = ${SENT_SINCE}, language = COALESCE(?6, language)`,
      account,
      user,
      token,
      atMs,
      seq,
      language,
      nowMs - LATE_POLL_MS,
    );
    notes.delete(user);
  }

  return {
    add({ user, contextToken, createdAtMs, steadyAtMs, language }, seq) {
      const before = notes.get(user);
      notes.set(user, {
        token: contextToken ?? before?.token ?? null,
        language: language ?? before?.language ?? null,
        atMs: Math.min(steadyAtMs ?? createdAtMs ?? nowMs, nowMs),
        seq,
      });
    },
    write(only) {
      for (const [user, one] of notes) if (only === undefined || user === only) write(user, one);
    },
  };
}
