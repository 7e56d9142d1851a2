import { sql, unindexed } from '../../sql/dialect.ts';
import { all, type Step } from '../../sql/statement.ts';
import { OPEN_PART_STATES, type Outbox, type PartState, type PartView } from '../port/port.ts';
import { DELAYED, HELD, OPEN } from './part-states.ts';
import { VIEW, viewOf } from './parts.ts';

/** States whose parts have an index of their own. */
const INDEXED: ReadonlyMap<string, string> = new Map([
  [OPEN_PART_STATES.join(), `(${OPEN} OR ${DELAYED})`],
  ['held', HELD],
  ['expired', "state = 'expired'"],
]);

/** A page of parts, newest first; see `Outbox.partPage`. */
export function* partPage(input: Parameters<Outbox['partPage']>[0]): Step<PartView[]> {
  const { account, user, states, beforeSeq, limit } = input;
  const indexed = states === null ? undefined : INDEXED.get(states.join());
  // Without an index that has the wanted rows in their order, the table has: from the newest on, until there are enough.
  const isInOrder = user === null && indexed === undefined;
  const condition = indexed ?? (states === null ? '1 = 1' : `state IN (${marks(states)})`);
  // Only the numbers are sorted: of very many parts that takes a tenth of the time.
  const rows = yield* all(
    sql`SELECT ${VIEW} FROM parts WHERE seq IN (
        SELECT seq FROM parts WHERE ${isInOrder ? unindexed('account') : 'account'} = ? AND seq < ?
          ${user === null ? '' : 'AND "user" = ?'} AND ${condition} ORDER BY seq DESC LIMIT ?
      ) ORDER BY seq DESC`,
    account,
    beforeSeq ?? Number.MAX_SAFE_INTEGER,
    ...(user === null ? [] : [user]),
    ...(indexed === undefined && states !== null ? states : []),
    limit,
  );
  return rows.map(viewOf);
}

function marks(states: readonly PartState[]): string {
  return states.map(() => '?').join(', ');
}
