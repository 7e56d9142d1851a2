import { all, one, type Row, type Step } from '../../sql/statement.ts';
import { DELAYED, HELD, OPEN, UNFINISHED } from '../outbox/part-states.ts';
import type { AccountView, UserView } from '../port/port.ts';
import { readDeafness } from './deafness.ts';
import { readKeeper, usersToAsk } from './window-keeper-rows.ts';

/** What `status` shows of an account; null: the store does not know it. */
export function* accountView(account: string): Step<AccountView | null> {
  const row = yield* one(
    'SELECT owner, login_expired, last_poll_at, throttle_until, keeper, deaf FROM accounts WHERE account = ?',
    account,
  );
  if (!row) return null;
  const keeper = readKeeper(row);
  const messages = counts(
    yield* all(
      `SELECT state, count(*) AS n FROM inbox WHERE account = ?1 AND ${UNFINISHED} GROUP BY state
       UNION ALL
       SELECT state, count(*) AS n FROM inbox WHERE account = ?1 AND state IN ('failed', 'ignored') GROUP BY state`,
      account,
    ),
  );
  const parts = counts(
    yield* all(
      `SELECT state, count(*) AS n FROM parts WHERE account = ?1 AND ${OPEN} GROUP BY state
       UNION ALL SELECT 'delayed', count(*) FROM parts WHERE account = ?1 AND ${DELAYED}
       UNION ALL SELECT 'scheduled', count(*) FROM scheduled WHERE account = ?1`,
      account,
    ),
  );
  return {
    owner: row.owner as string | null,
    keeper,
    deaf: readDeafness(row),
    toAsk: keeper === null ? [] : yield* usersToAsk({ account, nowMs: 0 }),
    loginExpired: row.login_expired === 1,
    lastPollAtMs: row.last_poll_at as number | null,
    throttledUntilMs: row.throttle_until as number | null,
    inbox: {
      received: (messages.received ?? 0) + (messages.waiting ?? 0),
      running: messages.running ?? 0,
      failed: messages.failed ?? 0,
      ignored: messages.ignored ?? 0,
      unknown: Number(
        (yield* one('SELECT count(*) AS n FROM inbox WHERE account = ? AND unknown_items > 0', account))?.n,
      ),
    },
    outbox: {
      queued: (parts.queued ?? 0) + (parts.uploading ?? 0),
      sending: parts.sending ?? 0,
      held: parts.held ?? 0,
      delayed: Number(parts.delayed),
      scheduled: Number(parts.scheduled),
    },
    users: yield* userViews(account),
  };
}

/** The users of an account, or those of these who are known or have held parts. */
export function* userViews(account: string, users?: readonly string[]): Step<UserView[]> {
  const those = users ? `AND "user" IN (${users.map(() => '?').join(', ')})` : '';
  const holds = new Map(
    (yield* all(
      `SELECT "user", count(*) AS parts, min(held_at) AS since, (SELECT reason FROM parts AS oldest
           WHERE oldest.account = parts.account AND oldest."user" = parts."user" AND oldest.${HELD}
           ORDER BY held_at, seq LIMIT 1) AS reason FROM parts WHERE account = ? AND ${HELD} ${those} GROUP BY account, "user"`,
      account,
      ...(users ?? []),
    )).map((row) => [
      row.user as string,
      { reason: row.reason as string, parts: row.parts as number, sinceMs: row.since as number },
    ]),
  );
  const known = (yield* all(
    `SELECT "user", last_message_at, sent, CASE WHEN context_token IS NULL THEN 0 ELSE 1 END AS token FROM users
         WHERE account = ? ${those} ORDER BY "user"`,
    account,
    ...(users ?? []),
  )).map((row) => ({
    user: row.user as string,
    lastMessageAtMs: row.last_message_at as number | null,
    hasToken: row.token === 1,
    sentSinceMessage: row.sent as number,
    hold: holds.get(row.user as string) ?? null,
  }));
  const strangers = [...holds].filter(([user]) => !known.some((one) => one.user === user));
  return [...known, ...strangers.map(([user, hold]) => unknownUser(user, hold))];
}

/** A user who has never written. */
export function unknownUser(user: string, hold: UserView['hold']): UserView {
  return { user, lastMessageAtMs: null, hasToken: false, sentSinceMessage: 0, hold };
}

function counts(rows: Row[]): Partial<Record<string, number>> {
  return Object.fromEntries(rows.map((row) => [row.state as string, row.n as number]));
}
