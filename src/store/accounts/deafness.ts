import { all, one, type Row, run, type Step } from '../../sql/statement.ts';
import { RECENT_PARTS } from '../outbox/budget.ts';
import type { DeafSign } from '../port/port.ts';

/** So many parts in a row without an ID are no accident. */
const ROW_OF_UNCONFIRMED = 3;
/** So many confirmed parts without a word of the owner are worth a look. */
const ROW_OF_CONFIRMED = 5;
/** Silence that is shorter says nothing. */
const SHORTEST_SILENCE_MS = 12 * 60 * 60_000;
/** So many messages of the owner tell how often they write; with fewer than the least nobody knows. */
const LOOKED_AT = 11;
const LEAST_LOOKED_AT = 4;
/** So many parts are told to whoever looks into it. */
const MOST_TOLD = 10;

/** Parts that the server has accepted, newest first. A command may have told of them since. */
const ACCEPTED = `SELECT seq, "user", state, client_id, server_id, created_at FROM parts
  WHERE seq > (SELECT max(seq) FROM parts) - ${RECENT_PARTS} AND account = ?1 AND reason IS NULL
    AND (state IN ('confirmed', 'unconfirmed') OR (state = 'fallback' AND fallback_from = 'unconfirmed')) ORDER BY seq DESC`;

/** The sign that what an account sends may not be shown; null: there is none. */
export function* deafnessOf({ account, nowMs }: { account: string; nowMs: number }): Step<DeafSign | null> {
  const accepted = yield* all(ACCEPTED, account);
  return unconfirmedInARow(accepted) ?? (yield* silence(account, accepted, nowMs));
}

/**
 * One user may get nothing while others do, so each is looked at alone. A server that never gives IDs says nothing by
 * giving none.
 */
function unconfirmedInARow(accepted: readonly Row[]): DeafSign | null {
  if (!accepted.some(({ state }) => state === 'confirmed')) return null;
  for (const user of new Set(accepted.map((part) => part.user))) {
    const own = accepted.filter((part) => part.user === user);
    const confirmed = own.findIndex(({ state }) => state === 'confirmed');
    const row = confirmed < 0 ? own : own.slice(0, confirmed);
    if (row.length >= ROW_OF_UNCONFIRMED) return signOf('unconfirmed', row);
  }
  return null;
}

/** The owner has not written for longer than ever lately, though much was sent to them. */
function* silence(account: string, accepted: readonly Row[], nowMs: number): Step<DeafSign | null> {
  const user = yield* one(
    `SELECT users."user" AS "user", last_message_at FROM users JOIN accounts
       ON accounts.account = users.account AND owner = users."user" WHERE users.account = ?`,
    account,
  );
  const wroteAt = (user?.last_message_at ?? null) as number | null;
  if (!user || wroteAt === null) return null;
  const since = accepted.filter((part) => part.user === user.user && (part.created_at as number) > wroteAt);
  if (since.length < ROW_OF_CONFIRMED) return null;
  const times = (yield* all(
    `SELECT received_at FROM inbox WHERE account = ? AND "user" = ? ORDER BY seq DESC LIMIT ${LOOKED_AT}`,
    account,
    user.user as string,
  )).map((row) => row.received_at as number);
  if (times.length < LEAST_LOOKED_AT) return null;
  const pauses = times.slice(1).map((at, index) => (times[index] as number) - at);
  if (nowMs - wroteAt <= Math.max(SHORTEST_SILENCE_MS, ...pauses)) return null;
  return signOf('silence', since);
}

/** `parts`, newest first, are those that may not have been shown. */
function signOf(sign: DeafSign['sign'], parts: readonly Row[]): DeafSign {
  const oldest = parts.at(-1) as Row;
  return {
    sign,
    user: oldest.user as string,
    sinceMs: oldest.created_at as number,
    count: parts.length,
    parts: parts.slice(0, MOST_TOLD).map((part) => ({
      seq: part.seq as number,
      clientId: part.client_id as string,
      serverId: part.server_id as string | null,
      atMs: part.created_at as number,
    })),
  };
}

/** Looks for a sign, and stores it. Returns one that was not there before: it is to be told. */
export function* noteDeafness(input: { account: string; nowMs: number }): Step<DeafSign | null> {
  const { account } = input;
  const found = yield* deafnessOf(input);
  const before = readDeafness(yield* one('SELECT deaf FROM accounts WHERE account = ?', account));
  if (found === null && before === null) return null;
  yield* run(
    'UPDATE accounts SET deaf = ? WHERE account = ?',
    found === null ? null : JSON.stringify(found),
    account,
  );
  const isKnown = found?.sign === before?.sign && found?.sinceMs === before?.sinceMs;
  return isKnown ? null : found;
}

/** The sign in a row of `accounts`. */
export function readDeafness(account: Row | undefined): DeafSign | null {
  const stored = (account?.deaf ?? null) as string | null;
  return stored === null ? null : (JSON.parse(stored) as DeafSign);
}
