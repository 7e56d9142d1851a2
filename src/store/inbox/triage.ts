import type { ChatLanguage } from '../../core/message/language.ts';
import type { Database, Row } from '../../sqlite/database.ts';
import { isAllowed } from '../accounts/allowed.ts';
import { appendParts } from '../outbox/parts.ts';
import type { ChatNotice, IncomingMessage, IntakeResult, Triage, TriagePolicy } from '../port/port.ts';
import { newSession, obey } from './chat-commands.ts';
import { type Fate, fateOf, wasAsked } from './fate.ts';
import { stateOf } from './new-message.ts';
import { supersede, waitingBefore } from './unfinished.ts';

/** The number of a message that is not stored yet: behind all others. */
export const NEWEST = Number.MAX_SAFE_INTEGER;

/** Decides about the messages of one step, in their order. */
export interface Judge {
  /** What becomes of a message; `before` is its number. */
  fateOf(message: IncomingMessage, about: { isOwner: boolean; before: number }): Fate;
  /** Does what a stored message sets off beside its own turn, and queues what its user is told of that. */
  setOff(
    message: IncomingMessage,
    stored: { seq: number; id: string; fate: Fate; language: ChatLanguage | null },
    result: IntakeResult,
  ): void;
}

/** See {@link Judge}. */
export function createJudge(
  database: Database,
  { account, nowMs, allow, chat }: TriagePolicy & { account: string; nowMs: number },
): Judge {
  /** One message answers a question; the next one of the same poll is a message. */
  const answered = new Set<string>();

  function isIn(user: string): boolean {
    return allow === 'all' || allow.has(user) || isAllowed(database, account, user);
  }

  return {
    fateOf(message, { isOwner, before }) {
      const { user } = message;
      const reason = message.ignore ?? (isOwner || isIn(user) ? null : 'stranger');
      if (reason !== null) return { kind: 'ignored', reason, command: null, textFrom: 0 };
      const isAsked = !answered.has(user) && wasAsked(database, chat.questionTo(user));
      const fate = fateOf(database, message, { account, before, isOwner, isAsked, terms: chat });
      if (fate.kind === 'answer') answered.add(user);
      return fate;
    },
    setOff(message, { seq, id, fate, language }, result) {
      const { user } = message;
      const news = setOff(database, chat, { account, user, seq, nowMs }, fate, result);
      if (news) appendParts(database, { account, user, message: id, nowMs }, chat.noticeOf(news, language));
    },
  };
}

/** What a stored message sets off beside its own turn; what the user is told of that. */
function setOff(
  database: Database,
  chat: TriagePolicy['chat'],
  own: { account: string; user: string; seq: number; nowMs: number },
  fate: Fate,
  result: IntakeResult,
): ChatNotice | null {
  if (fate.kind === 'command' && fate.command !== null) return obey(database, fate.command, own, result);
  if (fate.command === 'new') newSession(database, own);
  if (fate.kind === 'ignored' && fate.reason === 'busy') {
    return isFirstTurnedAway(database, own) ? { about: 'busy' } : null;
  }
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

/** An intake before its first message. */
export function nothingTakenIn(): IntakeResult {
  return { messages: [], superseded: [], again: [], released: [], learnedOwner: null };
}

/**
 * Decides about the messages that wait since somebody took them in who serves nobody: once, on the terms of the
 * runner that calls this. What they brought their users (token, budget, holds that were released) they have brought.
 */
export function triage(database: Database, input: Triage): IntakeResult {
  const { account, nowMs } = input;
  const result = nothingTakenIn();
  const rows = database.all(
    `SELECT seq, id, user, kind, fingerprint, context_token, created_at, received_at, raw,
       (SELECT owner FROM accounts WHERE accounts.account = inbox.account) AS owner,
       (SELECT language FROM users WHERE users.account = inbox.account AND users.user = inbox.user) AS language
       FROM inbox WHERE account = ? AND untriaged = 1 ORDER BY seq`,
    account,
  );
  if (rows.length === 0) return result;
  const judge = createJudge(database, input);
  for (const row of rows) {
    const { seq, id, user } = row as { seq: number; id: string; user: string };
    const message = storedMessage(row, input);
    const original = repeatedWithin(database, input, message, { seq, atMs: row.received_at as number });
    if (original) {
      database.run('UPDATE inbox SET copies = copies + 1 WHERE seq = ?', original.seq as number);
      const reason = 'duplicate';
      decide(database, seq, { kind: 'ignored', reason, command: null, textFrom: 0 }, nowMs);
      result.messages.push({ seq, id, user, state: 'duplicate', reason: null });
      continue;
    }
    const fate = judge.fateOf(message, { isOwner: user === row.owner, before: seq });
    decide(database, seq, fate, nowMs);
    result.messages.push({ seq, id, user, state: fate.kind, reason: fate.reason });
    const language = message.language ?? (row.language as ChatLanguage | null);
    judge.setOff(message, { seq, id, fate, language }, result);
  }
  return result;
}

function decide(database: Database, seq: number, fate: Fate, nowMs: number): void {
  const state = stateOf(fate);
  database.run(
    'UPDATE inbox SET untriaged = 0, state = ?, reason = ?, text_from = ?, finished_at = ? WHERE seq = ?',
    state,
    fate.reason,
    fate.textFrom,
    state === 'received' ? null : nowMs,
    seq,
  );
}

function storedMessage(row: Row, { read }: Triage): IncomingMessage {
  const raw = row.raw as Buffer;
  return {
    id: row.id as string,
    user: row.user as string,
    createdAtMs: row.created_at as number | null,
    contextToken: row.context_token as string | null,
    kind: row.kind as string,
    mediaKeys: [],
    unknownItems: 0,
    fingerprint: row.fingerprint as string,
    raw,
    ...read(raw, row.created_at as number | null),
  };
}

/**
 * The message before `seq` that says the same, within `--dedupe-window` before `atMs`. There is no index of what users
 * say: only what this one wrote within the window is looked at.
 */
export function repeatedWithin(
  database: Database,
  { account, dedupeWindowMs }: { account: string; dedupeWindowMs: number },
  { user, fingerprint }: Pick<IncomingMessage, 'user' | 'fingerprint'>,
  { seq, atMs }: { seq: number; atMs: number },
): Row | undefined {
  if (dedupeWindowMs === 0) return undefined;
  return database.one(
    `SELECT seq, id FROM inbox WHERE account = ?1 AND user = ?2 AND fingerprint = ?3 AND received_at > ?4 AND seq < ?5
       AND seq > COALESCE((SELECT seq FROM inbox WHERE account = ?1 AND user = ?2 AND received_at <= ?4
         ORDER BY seq DESC LIMIT 1), 0) LIMIT 1`,
    account,
    user,
    fingerprint,
    atMs - dedupeWindowMs,
    seq,
  );
}
