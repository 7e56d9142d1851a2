import type { ChatLanguage } from '../../core/message/language.ts';
import { LEAST, sql } from '../../sql/dialect.ts';
import { run, type Statement } from '../../sql/statement.ts';
import { REQUESTED_SINCE } from '../outbox/budget.ts';
import type { IncomingMessage, Intake } from '../port/port.ts';

/** What the messages of a poll change about their users; each user is written once. */
export interface UserUpdates {
  /**
   * Adds a message with the number `seq`. It opens the window again: newest token, full budget except for the
   * parts that were sent after it was written.
   */
  add(message: IncomingMessage, seq: number): void;
  /** Writes the changes of this user, or of all users. */
  write(user?: string): Statement<number>[];
}

/** The changes of one user. */
interface Update {
  token: string | null;
  language: ChatLanguage | null;
  atMs: number;
  seq: number;
}

/**
 * How many requests to a user count towards the budget that a message of the time ?3 opened. The server had the
 * message before we got it, so requests in between count.
 */
const SENT_SINCE = sql`CASE WHEN users.last_send_at <= ?3 THEN 0 ELSE ${LEAST}(users.sent, ${REQUESTED_SINCE}) END`;

const UPDATE_USER = sql`INSERT INTO users (account, "user", last_message_at, context_token, last_message_seq, language)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6)
  ON CONFLICT (account, "user") DO UPDATE SET last_message_at = ?3, context_token = COALESCE(?4, users.context_token),
    last_message_seq = ?5, sent = ${SENT_SINCE}, language = COALESCE(?6, users.language)`;

/** See {@link UserUpdates}. */
export function createUserUpdates({ account, nowMs, writtenAfterMs }: Intake): UserUpdates {
  const updates = new Map<string, Update>();

  function write(user: string, { token, atMs, seq, language }: Update): Statement<number> {
    updates.delete(user);
    return run(UPDATE_USER, account, user, atMs, token, seq, language);
  }

  return {
    add({ user, contextToken, createdAtMs, steadyAtMs, language }, seq) {
      const before = updates.get(user);
      updates.set(user, {
        token: contextToken ?? before?.token ?? null,
        language: language ?? before?.language ?? null,
        atMs: Math.min(Math.max(steadyAtMs ?? createdAtMs ?? nowMs, writtenAfterMs ?? 0), nowMs),
        seq,
      });
    },
    write: (only) =>
      [...updates]
        .filter(([user]) => only === undefined || user === only)
        .map(([user, one]) => write(user, one)),
  };
}
