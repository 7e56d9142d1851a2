import { digest } from '../../core/ids.ts';
import { all, one, type Row, run, type Statement, type Step } from '../../sql/statement.ts';
import type { Inbox, IncomingMessage, Intake, MessageState, MessageView } from '../port/port.ts';

/** What a new message is stored with, beside its content. */
export interface Stored {
  seq: number;
  id: string;
  state: MessageState;
  /** Why it has this state, for people. */
  reason: string | null;
  /** Where its text for the agent begins. */
  textFrom: number;
  isTriaged: boolean;
}

const INSERT = `INSERT INTO inbox (seq, account, id, "user", state, reason, kind, fingerprint, context_token, created_at,
    received_at, raw, text_from, finished_at, unknown_items, untriaged)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Stores a new message. */
export function insertMessage(
  { account, nowMs }: Pick<Intake, 'account' | 'nowMs'>,
  message: IncomingMessage,
  { seq, id, state, reason, textFrom, isTriaged }: Stored,
): Statement<number> {
  return run(
    INSERT,
    seq,
    account,
    id,
    message.user,
    state,
    reason,
    message.kind,
    message.fingerprint,
    message.contextToken,
    message.createdAtMs,
    nowMs,
    message.raw,
    textFrom,
    state === 'ignored' || state === 'done' ? nowMs : null,
    message.unknownItems,
    isTriaged || state === 'ignored' ? 0 : 1,
  );
}

/** A free id for a message: the server's, or one made of the content; with a number behind it if it is taken. */
export function* freeId(account: string, message: IncomingMessage): Step<string> {
  const base =
    message.id ??
    `local-${digest(message.user, message.fingerprint, String(message.createdAtMs), message.contextToken ?? '').slice(0, 16)}`;
  let id = base;
  for (let n = 2; yield* messageWithId(account, id); n++) {
    id = `${base}-${n}`;
  }
  return id;
}

export function* messageWithId(account: string, id: string): Step<Row | undefined> {
  return yield* one(
    'SELECT seq, id, "user", fingerprint, created_at FROM inbox WHERE account = ? AND id = ?',
    account,
    id,
  );
}

/** The columns of {@link viewOf}. */
export const VIEW = 'seq, id, "user", state, reason, kind, received_at, attempt, detail, raw';

/** Messages as `messages` lists them: the newest `limit`, oldest first. */
export function* messages(input: Parameters<Inbox['messages']>[0]): Step<MessageView[]> {
  return (yield* all(
    `SELECT ${VIEW} FROM inbox
         WHERE account = ?1 AND (CAST(?2 AS TEXT) IS NULL OR "user" = ?2) AND received_at >= ?3 ORDER BY seq DESC LIMIT ?4`,
    ...[input.account, input.user, input.sinceMs ?? 0, input.limit],
  ))
    .map(viewOf)
    .reverse();
}

/** The message with this id; null when it is not stored, or no longer. */
export function* message({ account, id }: { account: string; id: string }): Step<MessageView | null> {
  const row = yield* one(`SELECT ${VIEW} FROM inbox WHERE account = ? AND id = ?`, account, id);
  return row ? viewOf(row) : null;
}

/** A row as lists show it. */
export function viewOf(row: Row): MessageView {
  return {
    seq: row.seq as number,
    id: row.id as string,
    user: row.user as string,
    state: row.state as MessageState,
    reason: row.reason as string | null,
    detail: row.detail === null ? null : (row.detail as Buffer).toString('utf8'),
    kind: row.kind as string,
    receivedAtMs: row.received_at as number,
    attempt: row.attempt as number,
    raw: row.raw as Buffer,
  };
}

/** A page of messages, newest first; see `Inbox.messagePage`. */
export function* messagePage(input: Parameters<Inbox['messagePage']>[0]): Step<MessageView[]> {
  const { account, user, fromMs, toMs, beforeSeq, limit } = input;
  const conditions = ['account = ?', 'seq < ?'];
  const values: (string | number)[] = [account, beforeSeq ?? Number.MAX_SAFE_INTEGER];
  const add = (condition: string, value: string | number | null): void => {
    if (value === null) return;
    conditions.push(condition);
    values.push(value);
  };
  add('"user" = ?', user);
  add('received_at >= ?', fromMs);
  add('received_at < ?', toMs);
  // First which ones: no index has the messages of an account in their order, and to sort numbers is less work than rows.
  const rows = yield* all(
    `SELECT ${VIEW} FROM inbox WHERE seq IN
       (SELECT seq FROM inbox WHERE ${conditions.join(' AND ')} ORDER BY seq DESC LIMIT ?) ORDER BY seq DESC`,
    ...values,
    limit,
  );
  return rows.map(viewOf);
}
