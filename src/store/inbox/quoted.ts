import { all, one, type Row, type Step } from '../../sql/statement.ts';
import { textOf } from '../outbox/parts.ts';
import type { Inbox, QuotedContent } from '../port/port.ts';

/** How far the time in a quote may differ from that of the quoted message (protocol 10.4). */
const NEAR_MS = 10_000;
/** How many of the newest messages and parts are searched for a quote without an id. */
const NEWEST = 1_000;

/**
 * What a user quotes: one of their own messages, or a part that was sent to them; never another user's. It is found by
 * its server id, else by its time if only one is that close. Null when it is not stored, or no longer.
 */
export function* quoted(input: Parameters<Inbox['quoted']>[0]): Step<QuotedContent | null> {
  const { id, aroundMs } = input;
  return (
    (id === null ? null : yield* byId(input, id)) ??
    (aroundMs === null ? null : yield* byTime(input, aroundMs))
  );
}

type Chat = { account: string; user: string };

function* byId({ account, user }: Chat, id: string): Step<QuotedContent | null> {
  const message = yield* one(
    'SELECT raw FROM inbox WHERE account = ? AND id = ? AND "user" = ?',
    ...[account, id, user],
  );
  if (message) return contentOf(message);
  const part = yield* one(
    'SELECT text, upload FROM parts WHERE account = ? AND server_id = ? AND "user" = ?',
    ...[account, id, user],
  );
  return contentOf(part);
}

/** The time of a quote has no milliseconds: two messages that close cannot be told apart. */
function* byTime({ account, user }: Chat, aroundMs: number): Step<QuotedContent | null> {
  const near = [aroundMs - NEAR_MS, aroundMs + NEAR_MS] as const;
  const found = [
    ...(yield* all(
      `SELECT raw FROM (SELECT raw, created_at FROM inbox WHERE account = ? AND "user" = ? ORDER BY seq DESC LIMIT ${NEWEST}) AS recent
         WHERE created_at BETWEEN ? AND ? LIMIT 2`,
      ...[account, user, ...near],
    )),
    ...(yield* all(
      `SELECT text, upload FROM (SELECT * FROM parts ORDER BY seq DESC LIMIT ${NEWEST}) AS recent
         WHERE account = ? AND "user" = ? AND server_id IS NOT NULL AND finished_at BETWEEN ? AND ? LIMIT 2`,
      ...[account, user, ...near],
    )),
  ];
  return found.length === 1 ? contentOf(found[0]) : null;
}

function contentOf(row: Row | undefined): QuotedContent | null {
  if (!row) return null;
  if (row.raw !== undefined) return { kind: 'message', raw: row.raw as Buffer };
  const upload = row.upload === null ? null : (row.upload as Buffer).toString('utf8');
  return { kind: 'part', text: textOf(row), upload };
}
