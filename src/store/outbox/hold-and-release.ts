import { newClientId } from '../../core/ids.ts';
import type { ChatLanguage } from '../../core/message/language.ts';
import { all, type Row, run, type Step, unawaited } from '../../sql/statement.ts';
import type { HeldPart, Intake, MergedHolds, PartOrigin, PartView } from '../port/port.ts';
import { storeContents } from './blob-rows.ts';
import { dropLate } from './drop-late.ts';
import { ALERT_SOURCE, CAN_RETURN, GIVEN_UP, HELD, OPEN } from './part-states.ts';
import { appendParts, fileOf, storedFile, textOf, VIEW, viewOf } from './parts.ts';

/** Whether the user ?2 of the account ?1 has parts that are held, or expired while held, or ask for a word, as SQL. */
export const HAS_HOLDS = `(EXISTS (SELECT 1 FROM parts WHERE account = ?1 AND "user" = ?2 AND ${HELD})
  OR EXISTS (SELECT 1 FROM parts WHERE account = ?1 AND "user" = ?2 AND state = 'expired')
  OR EXISTS (SELECT 1 FROM parts WHERE account = ?1 AND "user" = ?2 AND ${OPEN} AND origin = 'keeper'))`;

/** Puts all queued parts of a user on hold. Returns the user's held parts. */
export function* holdUser(input: {
  account: string;
  user: string;
  reason: string;
  nowMs: number;
}): Step<PartView[]> {
  const { account, user, reason, nowMs } = input;
  yield* run(
    `UPDATE parts SET state = 'held', reason = ?, held_at = COALESCE(held_at, ?), body = NULL
       WHERE account = ? AND "user" = ? AND ${OPEN} AND state = 'queued'`,
    reason,
    nowMs,
    account,
    user,
  );
  return (yield* all(
    `SELECT ${VIEW} FROM parts WHERE account = ? AND "user" = ? AND ${HELD} ORDER BY seq`,
    account,
    user,
  )).map(viewOf);
}

/**
 * Queues a user's held parts again, merged by `merge`; parts held by `throttle` wait for its end. Returns whether there
 * were any. The rows of the held parts are reused in their order, so that parts queued behind them stay behind them.
 */
export function* releaseHolds(intake: Intake, user: string, language: ChatLanguage | null): Step<boolean> {
  const { account, nowMs } = intake;
  // A sweep may not have done it yet.
  yield* dropLate(`account = ?2 AND "user" = ?3 AND ${HELD} AND expires_at <= ?1`, nowMs, account, user);
  yield* endWord(account, user, nowMs);
  const held = yield* all(
    `SELECT seq, account, client_id, origin, run_id, text, file, created_at, unsure, important, ${ALERT_SOURCE} AS alert_source
       FROM parts
       WHERE account = ? AND "user" = ? AND ${HELD} AND reason <> 'throttle' ORDER BY seq`,
    account,
    user,
  );
  // A part that may have arrived is sent unchanged: with another text or id it would appear twice.
  for (const row of held) if (row.unsure === 1) yield* releaseRow(row, contentOf(row), null, nowMs);
  const sure = held.filter((row) => row.unsure !== 1);
  const expired = yield* countExpired(account, user);
  const last = sure.at(-1);
  if (!last && expired === 0) return held.length > 0;
  const merged = intake.merge(sure.map(heldPart), expired, language);
  const options = { account, user, message: null, nowMs };
  const joined = areTheirOwn(merged, sure) ? null : joinedOf(sure);
  for (const [index, item] of merged.entries()) {
    const row = sure[index];
    if (row) yield* releaseRow(row, item, joined, nowMs);
  }
  if (merged.length < sure.length) yield* mergeAway({ account, user }, sure[merged.length - 1], nowMs);
  const { seqs } = yield* appendParts(
    { ...options, isImportant: joined?.isImportant === true },
    merged.slice(sure.length).map((item) => ({
      ...item,
      clientId: newClientId(),
      origin: (last?.origin as PartOrigin | undefined) ?? 'notice',
      runId: (last?.run_id as string | null | undefined) ?? null,
    })),
  );
  if (joined)
    for (const seq of seqs)
      yield* unawaited(run('UPDATE parts SET alert_source = ? WHERE seq = ?', joined.alertSource, seq));
  return true;
}

/** Ends the part that asks a user for a word, who has written now. */
function* endWord(account: string, user: string, nowMs: number): Step<void> {
  yield* run(
    `UPDATE parts SET state = ${GIVEN_UP}, reason = 'answered', body = NULL, finished_at = ?1
       WHERE account = ?2 AND "user" = ?3 AND ${OPEN} AND origin = 'keeper'`,
    nowMs,
    account,
    user,
  );
}

/** Counts the user's parts that expired while held and were not reported yet, and marks them as reported. */
function* countExpired(account: string, user: string): Step<number> {
  return yield* run(
    `UPDATE parts SET reason = 'hold-max, told' WHERE account = ? AND "user" = ? AND state = 'expired' AND reason = 'hold-max'`,
    account,
    user,
  );
}

function contentOf(row: Row): MergedHolds[number] {
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

/** Whether each row gets its own text or file again, and nothing of others. */
function areTheirOwn(items: MergedHolds, rows: readonly Row[]): boolean {
  return (
    items.length === rows.length &&
    items.every(({ text, file }, index) => {
      const own = contentOf(rows[index] as Row);
      return file?.path === own.file?.path && text.trimEnd().endsWith(own.text.trimEnd());
    })
  );
}

/** What each of several rows that were merged is, for a command. */
interface Joined {
  alertSource: string | null;
  isImportant: boolean;
}

/** Whichever row has its text now, no alert goes without a command that it had. */
function joinedOf(rows: readonly Row[]): Joined {
  const names = rows.map((row) => row.alert_source as string | null).filter((name) => name !== null);
  return {
    alertSource: names.find((name) => name !== '') ?? names[0] ?? null,
    isImportant: rows.some(({ important }) => important === 1),
  };
}

/**
 * Queues a row again with this content. After a hold the request is a new one: new client id, newest token, new upload.
 * `--ttl` and `--key` of one text must not apply to others that were merged into it; null: none were.
 */
function* releaseRow(row: Row, item: MergedHolds[number], joined: Joined | null, nowMs: number): Step<void> {
  yield* storeContents(row.account as string, [item.file]);
  yield* run(
    `UPDATE parts SET state = 'queued', reason = NULL, held_at = NULL, client_id = ?, text = ?, file = ?,
       upload = NULL, not_before = 0, tries = 0, repeats = 0, unsent = 0, fallback_until = ?
       ${joined === null ? '' : ', expires_at = NULL, send_key = NULL, alert_source = ?, important = ?'} WHERE seq = ?`,
    row.unsure === 1 ? (row.client_id as string) : newClientId(),
    Buffer.from(item.text, 'utf8'),
    storedFile(item.file),
    nowMs,
    ...(joined === null ? [] : [joined.alertSource, joined.isImportant ? 1 : 0]),
    row.seq as number,
  );
}

/**
 * Ends the held rows behind the last that is used: all at once, for there may be very many. Of texts that are all empty
 * nothing is left: these expire.
 */
function* mergeAway(
  { account, user }: { account: string; user: string },
  into: Row | undefined,
  nowMs: number,
): Step<void> {
  const seq = (into?.seq as number | undefined) ?? null;
  const end = seq === null ? "state = 'expired', reason = 'empty'" : "state = 'merged', reason = NULL";
  yield* run(
    `UPDATE parts SET ${end}, merged_into = ?, finished_at = ?
       WHERE account = ? AND "user" = ? AND ${HELD} AND reason <> 'throttle' AND unsure <> 1 AND seq > ?`,
    seq,
    nowMs,
    account,
    user,
    seq ?? 0,
  );
}

/** Queues the parts again that expired while held. Returns how many. */
export function* requeueExpired(input: { account: string }): Step<number> {
  return yield* run(
    `UPDATE parts SET state = 'queued', reason = NULL, held_at = NULL, finished_at = NULL, upload = NULL,
       not_before = 0 WHERE account = ? AND state = 'expired' AND ${CAN_RETURN}`,
    input.account,
  );
}
