import { same, sql } from '../../sql/dialect.ts';
import { all, one, type Row, run, type Step, unawaited } from '../../sql/statement.ts';
import type { IncomingMessage, Intake } from '../port/port.ts';

/** The number of a message that is not stored yet: after all others. */
export const NEWEST = Number.MAX_SAFE_INTEGER;

/**
 * How many of a user's newest messages are searched for a context token. There is no index of tokens: their order is
 * random, so every message would write a page of its own.
 */
const RECENT_MESSAGES = 32;

/** The newest messages of the user ?2 of the account ?1, as SQL. */
const RECENT = `SELECT seq, id, fingerprint, context_token FROM inbox WHERE account = ?1 AND "user" = ?2
  ORDER BY seq DESC LIMIT ${RECENT_MESSAGES}`;

/** Stored messages that have the id ?3, or may be the same message of the user ?2, as SQL. */
export const CANDIDATES = sql`SELECT 1 FROM inbox WHERE account = ?1 AND id = ?3
  UNION ALL SELECT 1 FROM inbox WHERE account = ?1 AND "user" = ?2 AND fingerprint = ?4 AND ${same('created_at', '?5')}
  UNION ALL SELECT 1 FROM (${RECENT}) AS recent WHERE fingerprint = ?4 AND context_token = ?6`;

/** A stored message with the user, content and time of another one, and, if ?5 is 1, with its context token. */
const SAME_MOMENT = sql`SELECT seq, id FROM inbox
  WHERE account = ?1 AND "user" = ?2 AND fingerprint = ?3 AND ${same('created_at', '?4')}
    AND (?5 = 0 OR context_token IS NOT DISTINCT FROM ?6) LIMIT 1`;

/**
 * The stored message that this one repeats: the same id with the same content or time; or the same user,
 * time and content under another id. A missing time, and one of whole seconds, is too coarse: then the context token
 * must be the same too. `namesake` is the stored message with the same id.
 */
export function* findDuplicate(
  intake: Intake,
  message: IncomingMessage,
  namesake: Row | undefined,
): Step<Row | undefined> {
  const { account } = intake;
  if (namesake && !isReusedId(namesake, message)) return namesake;
  const isCoarse = message.createdAtMs === null || message.createdAtMs % 1000 === 0;
  const namesOther = yield* one(
    SAME_MOMENT,
    account,
    message.user,
    message.fingerprint,
    message.createdAtMs,
    isCoarse ? 1 : 0,
    message.contextToken,
  );
  const original = namesOther ?? (yield* withToken(account, message));
  if (original || intake.triage === 'later') return original;
  return yield* repeatedWithin(intake, message, { seq: NEWEST, atMs: intake.nowMs });
}

/** An id that returns with another user, or with other content and time, is a new message: losing that would be worse. */
function isReusedId(namesake: Row, message: IncomingMessage): boolean {
  if (namesake.user !== message.user) return true;
  return namesake.fingerprint !== message.fingerprint && namesake.created_at !== message.createdAtMs;
}

/**
 * The stored message of the same user, content and token, with any id and time: the server issues a token once per
 * message (protocol 15a). If other content came with that token, this server reuses tokens, and the token proves nothing.
 */
function* withToken(
  account: string,
  { user, fingerprint, contextToken }: IncomingMessage,
): Step<Row | undefined> {
  if (contextToken === null) return undefined;
  const found = yield* all(
    `SELECT seq, id, fingerprint FROM (${RECENT}) AS recent WHERE context_token = ?3 ORDER BY seq`,
    ...[account, user, contextToken],
  );
  return found.every((row) => row.fingerprint === fingerprint) ? found[0] : undefined;
}

/**
 * The message before `seq` with the same content, within `--dedupe-window` before `atMs`. No index covers content: only
 * the user's messages within the window are read.
 */
export function* repeatedWithin(
  { account, dedupeWindowMs }: { account: string; dedupeWindowMs: number },
  { user, fingerprint }: Pick<IncomingMessage, 'user' | 'fingerprint'>,
  { seq, atMs }: { seq: number; atMs: number },
): Step<Row | undefined> {
  if (dedupeWindowMs === 0) return undefined;
  return yield* one(
    `SELECT seq, id FROM inbox WHERE account = ?1 AND "user" = ?2 AND fingerprint = ?3 AND received_at > ?4 AND seq < ?5
       AND seq > COALESCE((SELECT seq FROM inbox WHERE account = ?1 AND "user" = ?2 AND received_at <= ?4
         ORDER BY seq DESC LIMIT 1), 0) LIMIT 1`,
    ...[account, user, fingerprint, atMs - dedupeWindowMs, seq],
  );
}

/** Counts another copy of a stored message. */
export function* countCopy(seq: number): Step<void> {
  yield* unawaited(run('UPDATE inbox SET copies = copies + 1 WHERE seq = ?', seq));
}
