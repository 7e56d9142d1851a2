import { all, type Step } from '../../sql/statement.ts';
import type { Outbox, PartView } from '../port/port.ts';
import { VIEW, viewOf } from './parts.ts';

/** A page of parts, newest first; see `Outbox.partPage`. */
export function* partPage(input: Parameters<Outbox['partPage']>[0]): Step<PartView[]> {
  const { account, user, states, beforeSeq, limit } = input;
  const conditions = ['account = ?', 'seq < ?'];
  const values: (string | number)[] = [account, beforeSeq ?? Number.MAX_SAFE_INTEGER];
  if (user !== null) {
    conditions.push('"user" = ?');
    values.push(user);
  }
  if (states !== null) {
    conditions.push(`state IN (${states.map(() => '?').join(', ')})`);
    values.push(...states);
  }
  const rows = yield* all(
    `SELECT ${VIEW} FROM parts WHERE ${conditions.join(' AND ')} ORDER BY seq DESC LIMIT ?`,
    ...values,
    limit,
  );
  return rows.map(viewOf);
}
