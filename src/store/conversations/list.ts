import { contains, sql } from '../../sql/dialect.ts';
import { all, type Row, type Sql, type SqlValue, type Step, together } from '../../sql/statement.ts';
import { unknownUser, userViews } from '../accounts/account-view.ts';
import { VIEW as MESSAGE, viewOf as messageOf } from '../inbox/message-rows.ts';
import { HELD } from '../outbox/part-states.ts';
import { VIEW as PART, viewOf as partOf } from '../outbox/parts.ts';
import {
  type ChatEntry,
  type Conversation,
  type ConversationKind,
  type Conversations,
  MOST_UNSEEN,
} from '../port/port.ts';

/** The users of a table, each found by one look into its index behind the one before: not by reading all rows. */
const usersOf = (table: 'inbox' | 'parts', name: string): string => `${name}(who) AS (
    SELECT min("user") FROM ${table} WHERE account = ?1
    UNION ALL
    SELECT (SELECT min("user") FROM ${table} WHERE account = ?1 AND "user" > who) FROM ${name} WHERE who IS NOT NULL)`;
const newestOf = (table: 'inbox' | 'parts'): string =>
  `(SELECT max(seq) FROM ${table} WHERE account = ?1 AND "user" = who)`;

/** When the last entry of a conversation came, and whether that is the message or the part. */
const AT =
  'CASE WHEN COALESCE(received_at, 0) > COALESCE(parts.created_at, 0) THEN received_at ELSE parts.created_at END';

const ACTIVITY = `SELECT who, inbox.seq AS message_seq, parts.seq AS part_seq, received_at, parts.created_at, ${AT} AS at
  FROM (SELECT who, ${newestOf('inbox')} AS message_seq, ${newestOf('parts')} AS part_seq FROM people) AS newest
  LEFT JOIN inbox ON inbox.seq = newest.message_seq
  LEFT JOIN parts ON parts.seq = newest.part_seq`;

/** All of these users, and those who are looked for. */
const PEOPLE: Record<ConversationKind | 'all', string> = {
  all: `RECURSIVE ${usersOf('inbox', 'writers')}, ${usersOf('parts', 'readers')},
    people AS (SELECT who FROM writers WHERE who IS NOT NULL UNION SELECT who FROM readers WHERE who IS NOT NULL)`,
  unseen: `RECURSIVE ${usersOf('inbox', 'writers')}, people AS (SELECT who FROM writers WHERE who IS NOT NULL
    AND ${newestOf('inbox')} > COALESCE((SELECT seq FROM seen WHERE account = ?1 AND "user" = who), 0))`,
  failed: `people AS (SELECT DISTINCT "user" AS who FROM inbox WHERE account = ?1 AND state = 'failed')`,
  held: `people AS (SELECT DISTINCT "user" AS who FROM parts WHERE account = ?1 AND ${HELD})`,
};

const listOf = (only: ConversationKind | 'all'): Sql => sql`WITH ${PEOPLE[only]}
  SELECT * FROM (${ACTIVITY}) AS found
    WHERE (at < ?2 OR (at = ?2 AND who > ?3)) AND ${contains('lower(who)', '?4')}
    ORDER BY at DESC, who LIMIT ?5`;
const LIST = { all: listOf('all'), unseen: listOf('unseen'), failed: listOf('failed'), held: listOf('held') };
/** The same of one user. */
const ONE = `WITH people AS (SELECT CAST(?2 AS TEXT) AS who) SELECT * FROM (${ACTIVITY}) AS found WHERE at IS NOT NULL`;

/** See `Conversations.list`: a few looks into indexes for each user, however much they wrote. */
export function* listConversations(input: Parameters<Conversations['list']>[0]): Step<Conversation[]> {
  const { account, user, named, only, behind, limit } = input;
  const rows =
    user !== null
      ? yield* all(ONE, account, user)
      : yield* all(
          LIST[only ?? 'all'],
          ...[account, behind?.lastAtMs ?? Number.MAX_SAFE_INTEGER, behind?.user ?? ''],
          ...[(named ?? '').toLowerCase(), limit],
        );
  return yield* described(account, rows);
}

/** The conversations of these rows, in their order. */
function* described(account: string, rows: readonly Row[]): Step<Conversation[]> {
  if (rows.length === 0) return [];
  const users = rows.map((row) => row.who as string);
  const isMessage = (row: Row): boolean =>
    ((row.received_at as number | null) ?? 0) > ((row.created_at as number | null) ?? 0);
  const messageSeqs = rows.filter(isMessage).map((row) => row.message_seq as number);
  const partSeqs = rows.filter((row) => !isMessage(row)).map((row) => row.part_seq as number);
  const [messages, parts, failed, unseen] = yield* together(
    all(`SELECT ${MESSAGE} FROM inbox WHERE seq IN (${marks(messageSeqs)})`, ...messageSeqs),
    all(`SELECT ${PART} FROM parts WHERE seq IN (${marks(partSeqs)})`, ...partSeqs),
    all(
      `SELECT "user", count(*) AS n FROM inbox WHERE account = ? AND state = 'failed' AND "user" IN (${marks(users)})
         GROUP BY "user"`,
      account,
      ...users,
    ),
    all(
      `SELECT "user", (SELECT count(*) FROM (SELECT 1 AS one FROM inbox WHERE inbox.account = ? AND inbox."user" = newest."user"
           AND seq > COALESCE((SELECT seq FROM seen WHERE seen.account = ? AND seen."user" = newest."user"), 0)
           LIMIT ${MOST_UNSEEN}) AS unseen) AS n
         FROM (SELECT DISTINCT "user" FROM inbox WHERE seq IN (${marks(rows)})) AS newest`,
      ...[account, account, ...rows.map((row) => row.message_seq as SqlValue)],
    ),
  );
  const views = yield* userViews(account, users);
  const entries = new Map<string, ChatEntry>([
    ...messages.map((row): [string, ChatEntry] => [
      row.user as string,
      { message: messageOf(row), part: null },
    ]),
    ...parts.map((row): [string, ChatEntry] => [row.user as string, { message: null, part: partOf(row) }]),
  ]);
  const failedOf = countsOf(failed);
  const unseenOf = countsOf(unseen);
  return rows.map((row, index) => {
    const user = users[index] as string;
    return {
      lastAtMs: row.at as number,
      last: entries.get(user) as ChatEntry,
      failed: failedOf.get(user) ?? 0,
      unseen: unseenOf.get(user) ?? 0,
      ...(views.find((one) => one.user === user) ?? unknownUser(user, null)),
    };
  });
}

function marks(values: readonly unknown[]): string {
  return values.length === 0 ? 'NULL' : values.map(() => '?').join(', ');
}

function countsOf(rows: readonly Row[]): Map<string, number> {
  return new Map(rows.map((row) => [row.user as string, row.n as number]));
}
