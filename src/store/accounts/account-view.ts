import type { Database, Row } from '../../sqlite/database.ts';
import { HELD, OPEN } from '../outbox/part-states.ts';
import type { AccountView, UserView } from '../port/port.ts';

/** What `status` shows of an account; null: the store does not know it. */
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

function counts(rows: Row[]): Partial<Record<string, number>> {
  return Object.fromEntries(rows.map((row) => [row.state as string, row.n as number]));
}
