import { all, type Step } from '../../sql/statement.ts';
import type { Inbox, MessageView } from '../port/port.ts';
import { VIEW, viewOf } from './message-rows.ts';

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
