import { contains, folded, sql } from '../../sql/dialect.ts';
import { all, one, type Row, type Sql, type SqlValue, type Step } from '../../sql/statement.ts';
import { VIEW as MESSAGE, viewOf as messageOf } from '../inbox/message-rows.ts';
import { VIEW as PART, viewOf as partOf } from '../outbox/parts.ts';
import type { Found, MessageView, PartView, Search } from '../port/port.ts';
import { needleOf } from './search-needle.ts';

/** So many rows are searched at a time, and so many of them are returned at the most. */
const SEARCHED = 10_000;
const RETURNED = 300;

const HAS = { inbox: contains(folded('raw'), folded('?')), parts: contains(folded('text'), folded('?')) };
const HAS_NAME = contains(folded('file'), folded('?'));

export function* findMessages(
  input: Search & { fromMs: number | null; toMs: number | null },
): Step<Found<MessageView>> {
  const { fromMs, toMs } = input;
  const needle = needleOf(input.text);
  const conditions: Condition[] = [
    ...(fromMs === null ? [] : [{ sql: 'received_at >= ?', values: [fromMs] }]),
    ...(toMs === null ? [] : [{ sql: 'received_at < ?', values: [toMs] }]),
    ...(needle === null ? [] : [{ sql: HAS.inbox, values: [needle] }]),
  ];
  const { rows, beforeSeq } = yield* rowsWith('inbox', MESSAGE, input, conditions);
  return { found: rows.map(messageOf), beforeSeq };
}

export function* findParts(input: Search): Step<Found<PartView>> {
  const needle = needleOf(input.text);
  const condition = {
    sql: sql`(${HAS.parts} OR (file IS NOT NULL AND ${HAS_NAME}))`,
    values: needle ? [needle, needle] : [],
  };
  const { rows, beforeSeq } = yield* rowsWith('parts', PART, input, needle ? [condition] : []);
  return { found: rows.map(partOf), beforeSeq };
}

interface Condition {
  sql: Sql;
  values: SqlValue[];
}

/** Rows of which all conditions hold, newest first, and from where on there may be more. */
function* rowsWith(
  table: 'inbox' | 'parts',
  columns: string,
  { account, user, beforeSeq }: Search,
  conditions: readonly Condition[],
): Step<{ rows: Row[]; beforeSeq: number | null }> {
  const chosen = `FROM ${table} WHERE account = ? ${user === null ? '' : 'AND "user" = ?'} AND seq < ?`;
  const values = [account, ...(user === null ? [] : [user]), beforeSeq ?? Number.MAX_SAFE_INTEGER];
  const border = yield* one(
    `SELECT seq ${chosen} ORDER BY seq DESC LIMIT 1 OFFSET ${SEARCHED - 1}`,
    ...values,
  );
  const lastSeq = (border?.seq as number | undefined) ?? null;
  const others = conditions.reduce<Sql>((text, { sql: next }) => sql`${text} AND ${next}`, '');
  const rows = yield* all(
    sql`SELECT ${columns} FROM ${table} WHERE seq IN
      (SELECT seq ${chosen} AND seq >= ?${others} ORDER BY seq DESC LIMIT ${RETURNED}) ORDER BY seq DESC`,
    ...values,
    lastSeq ?? 0,
    ...conditions.flatMap((condition) => condition.values),
  );
  return { rows, beforeSeq: rows.length === RETURNED ? (rows.at(-1)?.seq as number) : lastSeq };
}
