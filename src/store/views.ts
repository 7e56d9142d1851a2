import { BUDGET_MESSAGES, BUDGET_WINDOW_MS } from '../core/message/verdict.ts';
import type { Database, Row } from '../sqlite/database.ts';
import { HELD, OPEN } from './outbox/parts.ts';
import type { AccountView, Budget, MessageState, MessageView, UserView } from './port/port.ts';

/** What `status` shows of an account; null when the store has never seen it. */
export function accountView(database: Database, account: string): AccountView | null {
  const row = database.one(
    'SELECT owner, login_expired, last_poll_at, throttle_until FROM accounts WHERE account = ?',
    account,
  );
  if (!row) return null;
  const messages = counts(
    database.all(
      `SELECT state, count(*) AS n FROM inbox WHERE account = ?1 AND state IN ('received', 'waiting', 'running') GROUP BY state
       UNION ALL
       SELECT state, count(*) AS n FROM inbox WHERE account = ?1 AND state IN ('failed', 'ignored') GROUP BY state`,
      account,
    ),
  );
  const parts = counts(
    database.all(
      `SELECT state, count(*) AS n FROM parts
         WHERE account = ? AND ${OPEN} GROUP BY state`,
      account,
    ),
  );
  return {
    owner: row.owner as string | null,
    loginExpired: row.login_expired === 1,
    lastPollAtMs: row.last_poll_at as number | null,
    throttledUntilMs: row.throttle_until as number | null,
    inbox: {
      received: (messages.received ?? 0) + (messages.waiting ?? 0),
      running: messages.running ?? 0,
      failed: messages.failed ?? 0,
      ignored: messages.ignored ?? 0,
      unknown: Number(
        database.one('SELECT count(*) AS n FROM inbox WHERE account = ? AND unknown_items > 0', account)?.n,
      ),
    },
    outbox: {
      queued: (parts.queued ?? 0) + (parts.uploading ?? 0),
      sending: parts.sending ?? 0,
      held: parts.held ?? 0,
    },
    users: users(database, account),
  };
}

function users(database: Database, account: string): UserView[] {
  const holds = new Map(
    database
      .all(
        `SELECT user, reason, count(*) AS parts, min(held_at) AS since FROM parts
           WHERE account = ? AND ${HELD} GROUP BY user`,
        account,
      )
      .map((row) => [
        row.user as string,
        { reason: row.reason as string, parts: row.parts as number, sinceMs: row.since as number },
      ]),
  );
  const known = database
    .all(
      'SELECT user, last_message_at, sent, context_token IS NOT NULL AS token FROM users WHERE account = ? ORDER BY user',
      account,
    )
    .map((row) => ({
      user: row.user as string,
      lastMessageAtMs: row.last_message_at as number | null,
      hasToken: row.token === 1,
      sentSinceMessage: row.sent as number,
      hold: holds.get(row.user as string) ?? null,
    }));
  const strangers = [...holds].filter(([user]) => !known.some((one) => one.user === user));
  return [
    ...known,
    ...strangers.map(([user, hold]) => ({
      user,
      lastMessageAtMs: null,
      hasToken: false,
      sentSinceMessage: 0,
      hold,
    })),
  ];
}

const VIEWED = 'seq, id, user, state, reason, kind, received_at, attempt, detail, raw';

/** Messages as `messages` lists them: the newest `limit`, oldest first. */
export function messages(
  database: Database,
  input: { account: string; user: string | null; sinceMs: number | null; limit: number },
): MessageView[] {
  return database
    .all(
      `SELECT ${VIEWED} FROM inbox
         WHERE account = ?1 AND (?2 IS NULL OR user = ?2) AND received_at >= ?3 ORDER BY seq DESC LIMIT ?4`,
      input.account,
      input.user,
      input.sinceMs ?? 0,
      input.limit,
    )
    .map(messageView)
    .reverse();
}

/** The message with this id; null when it is not, or no more, stored. */
export function message(
  database: Database,
  { account, id }: { account: string; id: string },
): MessageView | null {
  const row = database.one(`SELECT ${VIEWED} FROM inbox WHERE account = ? AND id = ?`, account, id);
  return row ? messageView(row) : null;
}

/** What the user may still get before they must write again. */
export function budgetOf(
  database: Database,
  { account, user, nowMs }: { account: string; user: string; nowMs: number },
): Budget {
  const row = database.one(
    'SELECT last_message_at, sent FROM users WHERE account = ? AND user = ?',
    account,
    user,
  );
  const lastMessageAt = (row?.last_message_at as number | null | undefined) ?? null;
  const waiting = database.one(
    `SELECT count(*) AS n FROM parts WHERE account = ? AND user = ? AND ${OPEN} AND +state IS NOT 'held' AND +state IS NOT 'sending'`,
    account,
    user,
  );
  const queued = Number(waiting?.n ?? 0);
  if (!row || lastMessageAt === null) return { left: 0, queued, isOpen: false };
  const left = Math.max(0, BUDGET_MESSAGES - (row.sent as number));
  return { left, queued, isOpen: left > 0 && nowMs - lastMessageAt < BUDGET_WINDOW_MS };
}

/** The user's last context token; null when there is none. */
export function contextTokenOf(
  database: Database,
  { account, user }: { account: string; user: string },
): string | null {
  const row = database.one('SELECT context_token FROM users WHERE account = ? AND user = ?', account, user);
  return (row?.context_token as string | null | undefined) ?? null;
}

function messageView(row: Row): MessageView {
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

function counts(rows: Row[]): Partial<Record<string, number>> {
  return Object.fromEntries(rows.map((row) => [row.state as string, row.n as number]));
}
