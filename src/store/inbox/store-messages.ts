import type { ChatLanguage } from '../../core/message/language.ts';
import type { Database, Row } from '../../sqlite/database.ts';
import { HAS_HOLDS, releaseHolds } from '../outbox/holds.ts';
import type { IncomingMessage, Intake, IntakeResult } from '../port/port.ts';
import { CANDIDATES, countCopy, findDuplicate, NEWEST } from './duplicates.ts';
import { recordMediaKeys } from './media-keys.ts';
import { freeId, insertMessage, messageWithId } from './message-rows.ts';
import { createTriager, emptyResult, stateAfter, untriaged } from './triage.ts';
import { createUserUpdates } from './user-updates.ts';

/**
 * Commits what a poll brought: new messages, the cursor, the holds that a new message of their user releases, and the
 * effects of chat commands with the notices about them. A duplicate is counted on the message that it repeats, and has
 * no other effect.
 */
export function storeMessages(database: Database, intake: Intake): IntakeResult {
  const { account, nowMs } = intake;
  const result = emptyResult();
  const contexts = new Map<string, Context>();
  const users = createUserUpdates(database, intake);
  const triager = intake.triage === 'later' ? null : createTriager(database, intake);

  for (const message of intake.messages) {
    const { user } = message;
    const context = contextOf(database, account, message, contexts.get(user));
    const language = message.language ?? context.language;
    contexts.set(user, { ...context, language });
    const owner = result.learnedOwner ?? context.owner;
    const isNew = (triager === null || intake.dedupeWindowMs === 0) && !context.hasCandidates;
    const namesake = isNew || message.id === null ? undefined : messageWithId(database, account, message.id);
    const original = isNew ? undefined : findDuplicate(database, intake, message, namesake);
    if (original) {
      const seq = original.seq as number;
      countCopy(database, seq);
      result.messages.push({ seq, id: original.id as string, user, state: 'duplicate', reason: null });
      continue;
    }
    const becomesOwner = owner === null && message.ignore === null;
    if (becomesOwner) {
      result.learnedOwner = user;
      database.run('UPDATE accounts SET owner = ? WHERE account = ?', user, account);
    }
    const isOwner = becomesOwner || user === owner;
    const decision = triager?.decide(message, { isOwner, before: NEWEST }) ?? untriaged(message);
    const { kind, reason, textFrom, command } = decision;
    const id = message.id !== null && !namesake ? message.id : freeId(database, account, message);
    const stored = { id, state: stateAfter(decision), reason, textFrom, isTriaged: triager !== null };
    const seq = insertMessage(database, intake, message, stored);
    recordMediaKeys(database, account, message.mediaKeys, nowMs);
    result.messages.push({ seq, id, user, state: kind, reason });
    if (kind === 'ignored' && reason !== 'busy') continue;
    // A login that was taken over still stores its last messages; its cursor and tokens are useless to the new one.
    if (context.login === intake.login) {
      users.add(message, seq);
      if (context.hasHolds && releaseHolds(database, intake, user, language)) result.released.push(user);
    }
    if (command !== null) users.write(user);
    triager?.apply(message, { seq, id, decision, language }, result);
  }

  users.write();
  if (intake.cursor) {
    database.run(
      'UPDATE accounts SET cursor = ?, last_poll_at = ? WHERE account = ? AND login = ?',
      intake.cursor,
      nowMs,
      account,
      intake.login,
    );
  }
  return result;
}

/** What is known about a message, its user and its account before it is stored. */
interface Context {
  /** Of the account; null when there is none. */
  login: string | null;
  owner: string | null;
  /** Some stored message may be this one, or has its id. */
  hasCandidates: boolean;
  /** The user has held parts to release, or parts that expired while held. */
  hasHolds: boolean;
  /** The language of the user's earlier messages. */
  language: ChatLanguage | null;
}

const HAS_CANDIDATES = `${CANDIDATES} LIMIT 1`;
const CONTEXT = `SELECT login, owner, language, ${HAS_HOLDS} AS has_holds, EXISTS (${CANDIDATES}) AS has_candidates
  FROM (SELECT 1)
  LEFT JOIN accounts ON accounts.account = ?1
  LEFT JOIN users ON users.account = ?1 AND users.user = ?2`;

/**
 * Reads the {@link Context} of a message in one query, usually the only one. `earlier` is that of the user's previous
 * message of the same poll: no part is held in between, so only the candidates are read again.
 */
function contextOf(
  database: Database,
  account: string,
  message: IncomingMessage,
  earlier: Context | undefined,
): Context {
  const { user, id, fingerprint, createdAtMs, contextToken } = message;
  const values = [account, user, id, fingerprint, createdAtMs, contextToken];
  if (earlier) return { ...earlier, hasCandidates: database.one(HAS_CANDIDATES, ...values) !== undefined };
  const row = database.one(CONTEXT, ...values) as Row;
  return {
    login: row.login as string | null,
    owner: row.owner as string | null,
    hasCandidates: row.has_candidates === 1,
    hasHolds: row.has_holds === 1,
    language: row.language as ChatLanguage | null,
  };
}
