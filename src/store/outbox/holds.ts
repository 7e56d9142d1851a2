import { newClientId } from '../../core/ids.ts';
import type { ChatLanguage } from '../../core/message/language.ts';
import type { Database, Row } from '../../sqlite/database.ts';
import type { HeldPart, Intake, MergedHolds, PartOrigin, PartView } from '../port/port.ts';
import { appendParts, CAN_RETURN, fileOf, GIVEN_UP, HELD, OPEN, textOf, VIEW, viewOf } from './parts.ts';

/** Whether anything of the user ?2 of the account ?1 is held, or has expired in a hold, as SQL. */
export const HAS_KEPT = `(EXISTS (SELECT 1 FROM parts WHERE account = ?1 AND user = ?2 AND ${HELD})
  OR EXISTS (SELECT 1 FROM parts WHERE account = ?1 AND user = ?2 AND state = 'expired'))`;

/** Puts everything a user has queued on hold. Returns the held parts as they are now. */
export function holdUser(
  database: Database,
  input: { account: string; user: string; reason: string; nowMs: number },
): PartView[] {
  const { account, user, reason, nowMs } = input;
  database.run(
    `UPDATE parts SET state = 'held', reason = ?, held_at = COALESCE(held_at, ?), body = NULL
       WHERE account = ? AND user = ? AND ${OPEN} AND state = 'queued'`,
    reason,
    nowMs,
    account,
    user,
  );
  return database
    .all(`SELECT ${VIEW} FROM parts WHERE account = ? AND user = ? AND ${HELD} ORDER BY seq`, account, user)
    .map(viewOf);
}

/**
 * Queues a user's held parts again, as `merge` has put them together; those held by `throttle` keep
 * their clock. Returns whether there were any. The rows of the held parts are used again in their
 * order, so that what was queued behind them stays behind them.
 */
export function release(
  database: Database,
  intake: Intake,
  user: string,
  language: ChatLanguage | null,
): boolean {
  const { account, nowMs } = intake;
  dropLate(database, account, user, nowMs);
  const all = database.all(
    `SELECT * FROM parts WHERE account = ? AND user = ? AND ${HELD} AND reason <> 'throttle'
       ORDER BY seq`,
    account,
    user,
  );
  // One that may have arrived already goes as it was: in another text, or under another id, it would be there twice.
  for (const row of all) if (row.unsure === 1) requeue(database, row, asItWas(row), true);
  const held = all.filter((row) => row.unsure !== 1);
  const expired = takeExpiredCount(database, account, user);
  const last = held.at(-1);
  if (!last && expired === 0) return all.length > 0;
  const merged = intake.merge(held.map(heldPart), expired, language);
  const place = { account, user, message: null, nowMs };
  const isWhole = merged.length === held.length;
  for (const [index, row] of held.entries()) {
    const item = merged[index];
    if (item) requeue(database, row, item, isWhole);
    else mergeAway(database, row, held[merged.length - 1], nowMs);
  }
  appendParts(
    database,
    place,
    merged.slice(held.length).map((item) => ({
      ...item,
      clientId: newClientId(),
      origin: (last?.origin as PartOrigin | undefined) ?? 'notice',
      runId: (last?.run_id as string | null | undefined) ?? null,
    })),
  );
  return true;
}

/** Held texts whose `--ttl` is over are not for now, whether or not a sweep has come by. */
function dropLate(database: Database, account: string, user: string, nowMs: number): void {
  database.run(
    `UPDATE parts SET state = ${GIVEN_UP}, reason = 'ttl', finished_at = ?1
       WHERE account = ?2 AND user = ?3 AND ${HELD} AND expires_at <= ?1`,
    nowMs,
    account,
    user,
  );
}

/** How many of the user's parts have expired while held and have not been told of; told of now. */
function takeExpiredCount(database: Database, account: string, user: string): number {
  return database.run(
    "UPDATE parts SET reason = 'hold-max, told' WHERE account = ? AND user = ? AND state = 'expired' AND reason = 'hold-max'",
    account,
    user,
  ).changes;
}

function asItWas(row: Row): MergedHolds[number] {
  return { text: textOf(row), file: fileOf(row) };
}

function heldPart(row: Row): HeldPart {
  return {
    text: textOf(row),
    file: fileOf(row),
    createdAtMs: row.created_at as number,
    origin: row.origin as PartOrigin,
  };
}

/**
 * After a hold the request is a new one: new client id, newest token, file uploaded again (design 3). What
 * `--ttl` and `--key` say of one text must not befall the others that are merged into it.
 */
function requeue(
  database: Database,
  row: Row,
  item: { text: string; file: unknown },
  isItsOwn: boolean,
): void {
  database.run(
    `UPDATE parts SET state = 'queued', reason = NULL, held_at = NULL, client_id = ?, text = ?, file = ?,
       upload = NULL, not_before = 0, tries = 0, repeats = 0, unsent = 0
       ${isItsOwn ? '' : ', expires_at = NULL, send_key = NULL'} WHERE seq = ?`,
    row.unsure === 1 ? (row.client_id as string) : newClientId(),
    Buffer.from(item.text, 'utf8'),
    item.file === null ? null : Buffer.from(JSON.stringify(item.file), 'utf8'),
    row.seq as number,
  );
}

function mergeAway(database: Database, row: Row, into: Row | undefined, nowMs: number): void {
  database.run(
    "UPDATE parts SET state = 'merged', reason = NULL, merged_into = ?, finished_at = ? WHERE seq = ?",
    (into?.seq as number | undefined) ?? null,
    nowMs,
    row.seq as number,
  );
}

/** Queues parts that have expired while held again. Returns how many. */
export function requeueExpired(database: Database, input: { account: string }): number {
  return database.run(
    `UPDATE parts SET state = 'queued', reason = NULL, held_at = NULL, finished_at = NULL, upload = NULL,
       not_before = 0 WHERE account = ? AND state = 'expired' AND ${CAN_RETURN}`,
    input.account,
  ).changes;
}
