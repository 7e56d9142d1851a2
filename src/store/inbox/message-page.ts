import { all, type Step } from '../../sql/statement.ts';
import type { Inbox, MessageView } from '../port/port.ts';
import { VIEW, viewOf } from './message-rows.ts';

/** Larger than any number or time. */
const ALL = Number.MAX_SAFE_INTEGER;

/** A page of messages, newest first; see `Inbox.messagePage`. */
export function* messagePage(input: Parameters<Inbox['messagePage']>[0]): Step<MessageView[]> {
  const { account, user, fromMs, toMs, beforeSeq, limit } = input;
  const conditions = ['account = ?', 'seq < ?', 'received_at >= ?', 'received_at < ?'];
  const values: (string | number)[] = [account, beforeSeq ?? ALL, fromMs ?? 0, toMs ?? ALL];
  if (user !== null) {
    conditions.push('"user" = ?');
    values.push(user);
  }
  const rows = yield* all(
    `SELECT ${VIEW} FROM inbox WHERE ${conditions.join(' AND ')} ORDER BY seq DESC LIMIT ?`,
    ...values,
    limit,
  );
  return rows.map(viewOf);
}
