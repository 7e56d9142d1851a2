import { all, one, type Row, run, type Step, together } from '../../sql/statement.ts';
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

/** Users to whom something was sent, the owner first, and then the latest: no more than are looked at in time. */
const SENT_TO = `SELECT "user" FROM users WHERE account = ? AND last_send_at > 0
  ORDER BY CASE WHEN "user" = (SELECT owner FROM accounts WHERE accounts.account = users.account) THEN 0 ELSE 1 END,
    last_send_at DESC, "user" LIMIT 100`;
/** Parts of a user that the server has accepted, newest first. A command may have told of them since. */
const ACCEPTED = `SELECT seq, "user", state, origin, client_id, server_id, created_at FROM parts
  WHERE account = ?1 AND "user" = ?2 AND reason IS NULL
    AND (state IN ('confirmed', 'unconfirmed') OR (state = 'fallback' AND fallback_from = 'unconfirmed'))
  ORDER BY seq DESC LIMIT 100`;
/** A server that never gives IDs says nothing by giving none. */
const GIVES_IDS = 'SELECT 1 FROM parts WHERE server_id IS NOT NULL LIMIT 1';

/** The sign that what an account sends may not be shown; null: there is none. */
export function* deafnessOf(input: { account: string; nowMs: number }): Step<DeafSign | null> {
  const [sign = null] = yield* signsOf(input);
  return sign;
}

/** All signs. One user may get nothing while others do, so each is looked at alone. */
function* signsOf({ account, nowMs }: { account: string; nowMs: number }): Step<DeafSign[]> {
  const users = (yield* all(SENT_TO, account)).map(({ user }) => user as string);
  if (users.length === 0) return [];
  const accepted = yield* together(...users.map((user) => all(ACCEPTED, account, user)));
  const rows = accepted.map(unconfirmedInARow).filter((row) => row.length >= ROW_OF_UNCONFIRMED);
  const isSign = rows.length > 0 && (yield* one(GIVES_IDS)) !== undefined;
  const silent = yield* silence(account, accepted, nowMs);
  return [...(isSign ? rows.map((row) => signOf('unconfirmed', row)) : []), ...(silent ? [silent] : [])];
}

function unconfirmedInARow(parts: readonly Row[]): readonly Row[] {
  const confirmed = parts.findIndex(({ state }) => state === 'confirmed');
  return confirmed < 0 ? parts : parts.slice(0, confirmed);
}

/**
 * The owner has not written for longer than ever lately, as far as it was listened, though much was sent to them unasked:
 * nobody has to reply to an answer.
 */
function* silence(account: string, accepted: readonly Row[][], nowMs: number): Step<DeafSign | null> {
  const user = yield* one(
    `SELECT users."user" AS "user", last_message_at, last_poll_at FROM users JOIN accounts
       ON accounts.account = users.account AND owner = users."user" WHERE users.account = ?`,
    account,
  );
  const wroteAt = (user?.last_message_at ?? null) as number | null;
  if (!user || wroteAt === null) return null;
  const own = accepted.find(([part]) => part?.user === user.user) ?? [];
  const since = own.filter(
    ({ created_at, origin }) =>
      (created_at as number) > wroteAt && (origin === 'send' || origin === 'keeper'),
  );
  if (since.length < ROW_OF_CONFIRMED) return null;
  const times = (yield* all(
    `SELECT received_at FROM inbox WHERE account = ? AND "user" = ? ORDER BY seq DESC LIMIT ${LOOKED_AT}`,
    account,
    user.user as string,
  )).map((row) => row.received_at as number);
  if (times.length < LEAST_LOOKED_AT) return null;
  const pauses = times.slice(1).map((at, index) => (times[index] as number) - at);
  const listenedToMs = Math.min(nowMs, Number(user.last_poll_at));
  if (listenedToMs - wroteAt <= Math.max(SHORTEST_SILENCE_MS, ...pauses)) return null;
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

/** Looks for signs, and stores them. Returns one that was not there before: it is to be told, others at the next look. */
export function* noteDeafness(input: { account: string; nowMs: number }): Step<DeafSign | null> {
  const { account } = input;
  const found = yield* signsOf(input);
  const before = storedSigns(yield* one('SELECT deaf FROM accounts WHERE account = ?', account));
  if (found.length === 0 && before.length === 0) return null;
  const isTold = (sign: DeafSign): boolean => before.some((one) => goesOn(one, sign));
  const news = found.find((sign) => !isTold(sign)) ?? null;
  const signs = found.filter((sign) => sign === news || isTold(sign));
  yield* run(
    'UPDATE accounts SET deaf = ? WHERE account = ?',
    signs.length === 0 ? null : JSON.stringify(signs),
    account,
  );
  return news;
}

/** Whether a sign is that of an earlier look: its parts have only become more, or those looked at were others. */
function goesOn(before: DeafSign, now: DeafSign): boolean {
  const newestMs = before.parts[0]?.atMs ?? 0;
  return before.sign === now.sign && before.user === now.user && now.sinceMs <= newestMs;
}

/** The sign in a row of `accounts`: the first, if there are several. */
export function readDeafness(account: Row | undefined): DeafSign | null {
  return storedSigns(account)[0] ?? null;
}

/** Those that were told, and have not ended. */
function storedSigns(account: Row | undefined): DeafSign[] {
  const stored = (account?.deaf ?? null) as string | null;
  return stored === null ? [] : [JSON.parse(stored) as DeafSign | DeafSign[]].flat();
}
