import type { ChatLanguage } from '../../core/message/language.ts';
import { all, one, type Row, run, type Step } from '../../sql/statement.ts';
import { isAllowed } from '../accounts/allowed.ts';
import { appendParts } from '../outbox/parts.ts';
import type {
  ChatCommand,
  ChatNotice,
  ChatPolicy,
  IncomingMessage,
  IntakeResult,
  MessageState,
  Triage,
  TriagePolicy,
} from '../port/port.ts';
import { executeCommand, newSession } from './chat-command-effects.ts';
import { countCopy, repeatedWithin } from './duplicates.ts';
import { type Before, supersede, unfinishedBefore } from './unfinished.ts';

/** What triage decides about a message. */
export interface Decision {
  kind: 'received' | 'ignored' | 'command' | 'answer' | 'answered';
  /** Stored with the message, for people. */
  reason: string | null;
  /** Executed once the message is stored. The rest of the message may be for the agent (`/new and now this`). */
  command: ChatCommand | null;
  /** Where its text for the agent begins. */
  textFrom: number;
  /** What its user is told about it; null: nothing. */
  notice?: ChatNotice | null;
}

export function stateAfter({ kind }: Decision): MessageState {
  switch (kind) {
    case 'command':
    case 'answered':
      return 'done';
    case 'ignored':
      return 'ignored';
    default:
      return 'received';
  }
}

/** The decision about a message that has to wait for its triage. */
export function untriaged({ ignore }: IncomingMessage): Decision {
  const kind = ignore === null ? 'received' : 'ignored';
  return { kind, reason: ignore, command: null, textFrom: 0 };
}

/** Triages the messages of one transaction, in their order. */
export interface Triager {
  /** Whether a turn has an open question to this user. */
  isTurnAsking(user: string): Step<boolean>;
  /** Decides about a message; `before` is its number. */
  decide(message: IncomingMessage, about: { isOwner: boolean; before: number }): Step<Decision>;
  /** Applies the decision about a stored message to other messages and to the session, and queues the notice about it. */
  apply(
    message: IncomingMessage,
    stored: { seq: number; id: string; decision: Decision; language: ChatLanguage | null },
    result: IntakeResult,
  ): Step<void>;
}

/** See {@link Triager}. */
export function createTriager({
  account,
  nowMs,
  allow,
  chat,
}: TriagePolicy & { account: string; nowMs: number }): Triager {
  /** Users whose open question is answered: their next message of the same poll is a message. */
  const answered = new Set<string>();

  function* isUserAllowed(user: string): Step<boolean> {
    return allow === 'all' || allow.has(user) || (yield* isAllowed(account, user));
  }

  function* isTurnAsking(user: string): Step<boolean> {
    const question = chat.questionTo(user);
    return question !== null && !answered.has(user) && (yield* wasAsked(question));
  }

  return {
    isTurnAsking,
    *decide(message, { isOwner, before }) {
      const { user } = message;
      const reason = message.ignore ?? (isOwner || (yield* isUserAllowed(user)) ? null : 'stranger');
      if (reason !== null) return { kind: 'ignored', reason, command: null, textFrom: 0 };
      const isAsked = yield* isTurnAsking(user);
      const rejects = chat.busy === 'reject' && (yield* isBusy({ account, user, seq: before }, chat));
      const decision = decideAllowed(message, { isOwner, isAsked, rejects });
      if (decision.kind === 'answer') answered.add(user);
      return decision;
    },
    *apply(message, { seq, id, decision, language }, result) {
      const { user } = message;
      if (decision.kind === 'received' && decision.command === null && chat.busy !== 'latest') return;
      const notice = yield* applyDecision(chat, { account, user, seq, nowMs }, decision, result);
      if (!notice) return;
      yield* appendParts({ account, user, message: id, nowMs }, chat.noticeOf(notice, language));
    },
  };
}

/**
 * Decides about a message of a user who may write. While a turn has an open question to them, a text is the answer,
 * except for `/stop`. Otherwise a command of the owner is executed, and `--busy reject` may reject a message.
 */
function decideAllowed(
  message: IncomingMessage,
  about: { isOwner: boolean; isAsked: boolean; rejects: boolean },
): Decision {
  const text = about.isOwner ? message.chat : null;
  const command = text?.command ?? null;
  if (about.isAsked && message.chat !== null && command !== 'stop') {
    return { kind: 'answer', reason: 'answer', command: null, textFrom: 0 };
  }
  if (text !== null && text.agentFrom === null) {
    return { kind: 'command', reason: 'command', command, textFrom: 0 };
  }
  if (about.rejects) {
    return { kind: 'ignored', reason: 'busy', command: null, textFrom: 0 };
  }
  return { kind: 'received', reason: null, command, textFrom: text?.agentFrom ?? 0 };
}

/** Whether a question was sent to its user: a message that they wrote before is not the answer. */
function* wasAsked(question: number): Step<boolean> {
  const part = yield* one(
    `SELECT COALESCE(whole.state, parts.state) AS state
       FROM parts LEFT JOIN parts AS whole ON whole.seq = parts.merged_into WHERE parts.seq = ?`,
    question,
  );
  return part !== undefined && !['queued', 'uploading', 'held'].includes(part.state as string);
}

/** Whether earlier messages are unfinished. With `--merge`, those that have not started may be merged with this one. */
function* isBusy(before: Before, chat: ChatPolicy): Step<boolean> {
  const rows = yield* unfinishedBefore(before);
  return rows.some((row) => chat.mergeMs === 0 || row.state !== 'received');
}

/** See {@link Triager.apply}. Returns the notice for the user; null: none. */
function* applyDecision(
  chat: ChatPolicy,
  own: { account: string; user: string; seq: number; nowMs: number },
  { kind, reason, command }: Decision,
  result: IntakeResult,
): Step<ChatNotice | null> {
  if (kind === 'command' && command !== null) return yield* executeCommand(command, own, result);
  if (command === 'new') yield* newSession(own);
  if (kind === 'ignored' && reason === 'busy') {
    return (yield* isFirstRejected(own)) ? { about: 'busy' } : null;
  }
  if (kind === 'received' && chat.busy === 'latest') {
    // With `--merge`, messages that have not started become one turn with this one.
    const how = { reason: 'latest', onlyStarted: chat.mergeMs > 0, nowMs: own.nowMs };
    const ended = yield* supersede(own, how);
    result.superseded.push(...ended.map((row) => ({ seq: row.seq as number, user: own.user })));
  }
  return null;
}

/** Whether no message has been rejected since the unfinished one came: the user gets one notice for all of them. */
function* isFirstRejected(own: { account: string; user: string; seq: number }): Step<boolean> {
  const [oldest] = yield* unfinishedBefore(own);
  const earlier = yield* one(
    `SELECT 1 FROM inbox WHERE account = ? AND "user" = ? AND seq > ? AND seq < ? AND state = 'ignored' AND reason = 'busy'`,
    ...[own.account, own.user, (oldest?.seq as number | undefined) ?? 0, own.seq],
  );
  return earlier === undefined;
}

/** The result of an intake before its first message. */
export function emptyResult(): IntakeResult {
  return { messages: [], superseded: [], again: [], released: [], learnedOwner: null };
}

/**
 * Triages the messages that a process stored that serves no user, once, by the policy of the calling runner. Their
 * tokens, budgets and released holds were stored with them.
 */
export function* triage(input: Triage): Step<IntakeResult> {
  const { account, nowMs } = input;
  const result = emptyResult();
  const rows = yield* all(
    `SELECT seq, id, "user", kind, fingerprint, context_token, created_at, received_at, raw,
       (SELECT owner FROM accounts WHERE accounts.account = inbox.account) AS owner,
       (SELECT language FROM users WHERE users.account = inbox.account AND users."user" = inbox."user") AS language
       FROM inbox WHERE account = ? AND untriaged = 1 ORDER BY seq`,
    account,
  );
  if (rows.length === 0) return result;
  const triager = createTriager(input);
  for (const row of rows) {
    const { seq, id, user } = row as { seq: number; id: string; user: string };
    const message = storedMessage(row, input);
    const original = yield* repeatedWithin(input, message, { seq, atMs: row.received_at as number });
    if (original) {
      yield* countCopy(original.seq as number);
      const duplicate: Decision = { kind: 'ignored', reason: 'duplicate', command: null, textFrom: 0 };
      yield* storeDecision(seq, duplicate, nowMs);
      result.messages.push({ seq, id, user, state: 'duplicate', reason: null });
      continue;
    }
    const decision = yield* triager.decide(message, { isOwner: user === row.owner, before: seq });
    yield* storeDecision(seq, decision, nowMs);
    result.messages.push({ seq, id, user, state: decision.kind, reason: decision.reason });
    const language = message.language ?? (row.language as ChatLanguage | null);
    yield* triager.apply(message, { seq, id, decision, language }, result);
  }
  return result;
}

function* storeDecision(seq: number, decision: Decision, nowMs: number): Step<void> {
  const state = stateAfter(decision);
  yield* run(
    'UPDATE inbox SET untriaged = 0, state = ?, reason = ?, text_from = ?, finished_at = ? WHERE seq = ?',
    ...[state, decision.reason, decision.textFrom, state === 'received' ? null : nowMs, seq],
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
    said: { text: '', atMs: null, quote: null },
    ...read(raw, row.created_at as number | null),
  };
}
