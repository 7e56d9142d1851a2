import { digest } from '../core/ids.ts';
import { accountRow } from './accounts.ts';
import { isAllowed } from './allowed.ts';
import type { ChatNews } from './chat-port.ts';
import type { Database, Row } from './database.ts';
import { type Fate, fateOf, wasAsked } from './fate.ts';
import { HAS_KEPT, release } from './holds.ts';
import type { IncomingMessage, Intake, IntakeResult } from './inbox-port.ts';
import { noteMediaKeys } from './media-keys.ts';
import { newSession, obey } from './obey.ts';
import { appendParts } from './parts.ts';
import { supersede, waitingBefore } from './waiting.ts';

/**
 * Commits what a poll brought: new messages, the cursor, the holds that a new message of their user releases,
 * and what chat commands among them ask for, with the answers to those. Duplicates are counted on the message
 * they repeat, and do nothing.
 */
export function takeIn(database: Database, intake: Intake): IntakeResult {
  const { account, nowMs } = intake;
  const stored = accountRow(database, account);
  // A login that was taken over keeps its last messages; its cursor and tokens are of no use to the new one.
  const isCurrent = stored?.login === intake.login;
  const result: IntakeResult = { messages: [], superseded: [], again: [], released: [], learnedOwner: null };
  /** One message answers a question; the next one of the same poll is a message. */
  const answered = new Set<string>();
  let owner = stored?.owner ?? null;

  for (const message of intake.messages) {
    const isNews = intake.dedupeWindowMs === 0 && !isKnown(database, account, message);
    const namesake = isNews || message.id === null ? undefined : withId(database, account, message.id);
    const original = isNews ? undefined : findDuplicate(database, intake, message, namesake);
    if (original) {
      const seq = original.seq as number;
      database.run('UPDATE inbox SET copies = copies + 1 WHERE seq = ?', seq);
      result.messages.push({
        seq,
        id: original.id as string,
        user: message.user,
        state: 'duplicate',
        reason: null,
      });
      continue;
    }
    if (owner === null && message.ignore === null) {
      owner = message.user;
      result.learnedOwner = owner;
      database.run('UPDATE accounts SET owner = ? WHERE account = ?', owner, account);
    }
    const { user } = message;
    const isOwner = user === owner;
    const isIn =
      intake.allow === 'all' || isOwner || intake.allow.has(user) || isAllowed(database, account, user);
    const reason = message.ignore ?? (isIn ? null : 'stranger');
    const isAsked = !answered.has(user) && wasAsked(database, intake.chat.questionTo(user));
    const fate: Fate =
      reason === null
        ? fateOf(database, message, { account, isOwner, isAsked, terms: intake.chat })
        : { kind: 'ignored', reason, command: null, textFrom: 0 };
    if (fate.kind === 'answer') answered.add(user);
    const id = message.id !== null && !namesake ? message.id : freeId(database, account, message);
    const seq = insert(database, intake, message, id, fate);
    noteMediaKeys(database, account, message.mediaKeys, nowMs);
    result.messages.push({ seq, id, user, state: fate.kind, reason: fate.reason });
    if (reason !== null) continue;
    if (isCurrent) {
      const hasKept = noteMessage(database, account, message, seq, nowMs);
      if (hasKept && release(database, intake, user)) result.released.push(user);
    }
    const news = setOff(database, intake, { account, user, seq, nowMs }, fate, result);
    if (news)
      appendParts(database, { account, user, message: id, nowMs }, intake.chat.noticeOf(news, message));
  }

  if (intake.cursor && isCurrent) {
    database.run(
      'UPDATE accounts SET cursor = ?, last_poll_at = ? WHERE account = ?',
      intake.cursor,
      nowMs,
      account,
    );
  }
  return result;
}

/** What a stored message sets off beside its own turn; what the user is told of that. */
function setOff(
  database: Database,
  { chat }: Intake,
  own: { account: string; user: string; seq: number; nowMs: number },
  fate: Fate,
  result: IntakeResult,
): ChatNews | null {
  if (fate.kind === 'command' && fate.command !== null) return obey(database, fate.command, own, result);
  if (fate.command === 'new') newSession(database, own);
  if (fate.kind === 'ignored') return isFirstTurnedAway(database, own) ? { about: 'busy' } : null;
  if (fate.kind === 'received' && chat.busy === 'latest') {
    // What is still being gathered (`--merge`) and this message become one turn.
    const how = { reason: 'latest', onlyStarted: chat.mergeMs > 0, nowMs: own.nowMs };
    const ended = supersede(database, own, how);
    result.superseded.push(...ended.map((row) => ({ seq: row.seq as number, user: own.user })));
  }
  return null;
}

/** Whether no other message has been turned away since the one at work came: one notice is enough for all of them. */
function isFirstTurnedAway(database: Database, own: { account: string; user: string; seq: number }): boolean {
  const [atWork] = waitingBefore(database, own);
  const earlier = database.one(
    `SELECT 1 FROM inbox WHERE account = ? AND user = ? AND seq > ? AND seq < ? AND state = 'ignored' AND reason = 'busy'`,
    own.account,
    own.user,
    (atWork?.seq as number | undefined) ?? 0,
    own.seq,
  );
  return earlier === undefined;
}

/** Whether anything stored may be this message or has its id: mostly not, and then one question is enough. */
function isKnown(database: Database, account: string, message: IncomingMessage): boolean {
  const found = database.one(
    `SELECT 1 FROM inbox WHERE account = ?1 AND id = ?2
       UNION ALL SELECT 1 FROM inbox WHERE account = ?1 AND user = ?3 AND fingerprint = ?4 AND created_at IS ?5`,
    account,
    message.id,
    message.user,
    message.fingerprint,
    message.createdAtMs,
  );
  return found !== undefined;
}

/**
 * The stored message that this one repeats (design 3): the same id with the same content or time;
 * or the same user, time and content under another id, where a time that is missing or of whole
 * seconds is too coarse to tell by itself and the context token must agree too.
 */
function findDuplicate(
  database: Database,
  intake: Intake,
  message: IncomingMessage,
  namesake: Row | undefined,
): Row | undefined {
  const { account } = intake;
  if (namesake && !isReuse(namesake, message)) return namesake;
  const coarse = message.createdAtMs === null || message.createdAtMs % 1000 === 0;
  const alike = database.one(
    `SELECT seq, id FROM inbox WHERE account = ? AND user = ? AND fingerprint = ? AND created_at IS ?
       AND (? = 0 OR context_token IS ?) LIMIT 1`,
    account,
    message.user,
    message.fingerprint,
    message.createdAtMs,
    coarse ? 1 : 0,
    message.contextToken,
  );
  if (alike || intake.dedupeWindowMs === 0) return alike;
  return database.one(
    'SELECT seq, id FROM inbox WHERE account = ? AND user = ? AND fingerprint = ? AND received_at > ? LIMIT 1',
    account,
    message.user,
    message.fingerprint,
    intake.nowMs - intake.dedupeWindowMs,
  );
}

function withId(database: Database, account: string, id: string): Row | undefined {
  return database.one(
    'SELECT seq, id, user, fingerprint, created_at FROM inbox WHERE account = ? AND id = ?',
    account,
    id,
  );
}

/** An id that comes again with another user, or with other content at another time, is a new message: losing it would be worse. */
function isReuse(same: Row, message: IncomingMessage): boolean {
  if (same.user !== message.user) return true;
  return same.fingerprint !== message.fingerprint && same.created_at !== message.createdAtMs;
}

function insert(
  database: Database,
  intake: Intake,
  message: IncomingMessage,
  id: string,
  { kind, reason, textFrom }: Fate,
): number {
  const state = { received: 'received', answer: 'received', ignored: 'ignored', command: 'done' }[kind];
  return database.run(
    `INSERT INTO inbox (account, id, user, state, reason, kind, fingerprint, context_token, created_at, received_at, raw,
       text_from, finished_at, unknown_items)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
    state === 'received' ? null : intake.nowMs,
    message.unknownItems,
  ).rowid;
}

/** The server's id, or one made of the content where it has none; made unique where the server used it before. */
function freeId(database: Database, account: string, message: IncomingMessage): string {
  const base =
    message.id ??
    `local-${digest(message.user, message.fingerprint, String(message.createdAtMs), message.contextToken ?? '').slice(0, 16)}`;
  let id = base;
  for (let n = 2; withId(database, account, id); n++) {
    id = `${base}-${n}`;
  }
  return id;
}

/**
 * A message of the user opens the window again: newest token, full budget (design 3). Returns whether anything of
 * him waits to be released.
 */
function noteMessage(
  database: Database,
  account: string,
  message: IncomingMessage,
  seq: number,
  nowMs: number,
): boolean {
  const at = Math.min(message.createdAtMs ?? nowMs, nowMs);
  const row = database.one(
    `INSERT INTO users (account, user, context_token, last_message_at, last_message_seq) VALUES (?1, ?2, ?3, ?4, ?5)
       ON CONFLICT (account, user) DO UPDATE SET context_token = COALESCE(?3, context_token),
         last_message_at = ?4, last_message_seq = ?5, sent = 0
       RETURNING ${HAS_KEPT} AS has_kept`,
    account,
    message.user,
    message.contextToken,
    at,
    seq,
  );
  return row?.has_kept === 1;
}
