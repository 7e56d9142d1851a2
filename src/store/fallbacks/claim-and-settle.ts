import { sql, unindexed } from '../../sql/dialect.ts';
import { all, one, type Row, run, type Step } from '../../sql/statement.ts';
import { queuedOrHeld } from '../outbox/hold-policy.ts';
import { DELAYED, IS_OF_QUESTION, OPEN, SINCE, sinceOf } from '../outbox/part-states.ts';
import { partsOf, VIEW, viewOf } from '../outbox/parts.ts';
import { type Claimant, isLeased } from '../outbox/user-lease.ts';
import type { Fallback, FallbackRequest, Outbox, PartState, PartView } from '../port/port.ts';

/** So often the command is run for a part, in all; then WeChat has the part again. */
const MOST_TRIES = 3;
/** The pauses after a command that has failed. */
const RETRY_MS = [30_000, 120_000];
/** Of parts that are late, so many are looked at together: one text is taken, and there may be very many. */
const LOOKED_AT = 100;
/** Final parts that are older are not news to anybody. */
const FINAL_MAX_AGE_MS = 24 * 60 * 60_000;

const OWN = '(SELECT name, fallback AS command, within_ms FROM sources) AS own';
/** Parts, each with the source that tells of it another way: its own, or one of those that were merged into it. */
const SELECT = `SELECT ${VIEW}, run_id, unsure, fallback_from, fallback_by, fallback_until, fallback_tries,
    COALESCE(own.name, source) AS source, own.command
  FROM parts LEFT JOIN ${OWN} ON own.name = COALESCE(alert_source, source)`;

/** Parts that a command has, or will have once more, as SQL: exactly the text of their index. */
const UNDER_WAY = "state = 'fallback' AND finished_at IS NULL";
const NEXT_UNDER_WAY = `${SELECT} WHERE account = ? AND ${UNDER_WAY} ORDER BY seq`;

/** How long a part may be unconfirmed: as its source says, else ?2; null: for ever. With ?4 = 0 no time at all. */
const WITHIN = '(COALESCE(own.within_ms, ?2) * ?4)';
/** A part from before this moment is late. */
const LATEST = `(?3 - ${WITHIN})`;
/** What `send` wrote, or what has that in it; a question is asked on the phone or not at all. */
const IS_ALERT = sql`fallback_tries < ${MOST_TRIES} AND (alert_source IS NOT NULL OR (origin = 'send'
  AND NOT ${IS_OF_QUESTION}))`;
/** The user writes before WeChat takes it, or somebody logs in: there is nothing to wait for. */
const IS_SHUT = `((state = 'held' AND reason <> 'throttle')
  OR EXISTS (SELECT 1 FROM accounts WHERE accounts.account = parts.account AND login_expired = 1))`;
/** The same of what has waited twice as long. */
const LATEST_IN_ANY_CASE = `(?3 - 2 * ${WITHIN})`;
/** Not confirmed since a moment: what was held, or has waited for the rule of its source, since that was over. */
const waitsSince = (ms: string): string => `(${SINCE} <= ${ms} AND COALESCE(fallback_until, 0) <= ${ms})`;
/** Not confirmed in time. For what is queued that begins anew, once, when the user writes: then it goes. */
const IS_LATE = sql`(${waitsSince(LATEST)} AND (${unindexed('state')} = 'held' OR ${waitsSince(LATEST_IN_ANY_CASE)}
    OR NOT EXISTS (SELECT 1 FROM users WHERE users.account = parts.account
      AND users."user" = parts."user" AND last_message_at > ${LATEST})))`;
const LATE_OPEN = sql`${SELECT} WHERE account = ?1 AND ${OPEN} AND ${IS_ALERT}
  AND (${IS_LATE} OR (important = 1 AND ${WITHIN} IS NOT NULL AND ${IS_SHUT})) ORDER BY seq LIMIT ?5`;
/**
 * A source, and its user, of whom a push has waited for longer than its rule says: from one to the next by the index, for very
 * many may wait. Those of a source have one time in which they are to arrive.
 */
const LATE_SOURCE = sql`WITH RECURSIVE waiting(seq) AS (
    SELECT (SELECT seq FROM parts WHERE account = ?1 AND ${DELAYED} ORDER BY "user", source LIMIT 1)
    UNION ALL
    SELECT COALESCE(
        (SELECT next.seq FROM parts AS next
          WHERE next.account = ?1 AND next."user" = parts."user" AND next.${DELAYED} AND next.source > parts.source
          ORDER BY next.source LIMIT 1),
        (SELECT next.seq FROM parts AS next
          WHERE next.account = ?1 AND next.${DELAYED} AND next."user" > parts."user"
          ORDER BY next."user", next.source LIMIT 1))
      FROM waiting JOIN parts ON parts.seq = waiting.seq
  )
  SELECT parts."user", parts.source, ${LATEST} AS latest
    FROM waiting JOIN parts ON parts.seq = waiting.seq LEFT JOIN ${OWN} ON own.name = parts.source
    WHERE EXISTS (SELECT 1 FROM parts AS late WHERE late.account = ?1 AND late."user" = parts."user"
      AND late.source = parts.source AND late.${DELAYED} AND late.not_before <= ${LATEST} AND ${sinceOf('late')} <= ${LATEST}
      AND late.fallback_tries < ${MOST_TRIES}) LIMIT 1`;
const LATE_DELAYED = sql`${SELECT} WHERE account = ?1 AND "user" = ?2 AND source = ?3 AND ${DELAYED} AND not_before <= ?4
  AND ${SINCE} <= ?4 AND fallback_tries < ${MOST_TRIES} ORDER BY not_before, seq LIMIT ?5`;
const LATE_FINAL = sql`${SELECT} WHERE account = ?1 AND state IN ('unconfirmed', 'refused')
  AND ${SINCE} <= ${LATEST} AND created_at > ${LATEST} - ${FINAL_MAX_AGE_MS} AND ${IS_ALERT} ORDER BY seq LIMIT ?5`;
const LEASE = 'SELECT lease, lease_until FROM users WHERE account = ? AND "user" = ?';

/** Accounts with a source that has a command of its own. */
export function* accountsWithFallback(): Step<string[]> {
  return (yield* all('SELECT DISTINCT account FROM sources WHERE fallback IS NOT NULL')).map(
    (row) => row.account as string,
  );
}

/** Whether {@link claimFallback} would find something. Asked often, and reads only. */
export function* isFallbackDue(input: FallbackRequest, claimant: Claimant, teller: Claimant): Step<boolean> {
  return (yield* findDue(input, claimant, teller)) !== null;
}

/** `teller` runs the command; `claimant` is whoever sends parts. */
export function* claimFallback(
  input: Parameters<Outbox['claimFallback']>[0],
  claimant: Claimant,
  teller: Claimant,
): Step<Fallback | null> {
  const rows = yield* findDue(input, claimant, teller);
  const [first] = rows ?? [];
  if (!rows || !first) return null;
  for (const row of rows) {
    yield* run(
      `UPDATE parts SET state = 'fallback', fallback_from = ?, fallback_by = ?, fallback_until = ?,
         fallback_tries = fallback_tries + 1, body = NULL, finished_at = NULL WHERE seq = ?`,
      verdictBefore(row),
      teller.id,
      input.nowMs + input.leaseMs,
      row.seq as number,
    );
  }
  return {
    parts: rows.map(viewOf),
    verdict: verdictBefore(first),
    attempt: Number(first.fallback_tries) + 1,
    source: first.source as string | null,
    command: first.command as string | null,
  };
}

/** The state in which the part was when a command first had it. */
function verdictBefore(row: Row): PartState {
  return (row.state === 'fallback' ? row.fallback_from : row.state) as PartState;
}

/** What a part is again that a command had, and told nobody of: it is sent again if it cannot have arrived. */
function restored(row: Row): PartState {
  const before = row.fallback_from as PartState;
  if (before === 'refused' || before === 'delayed') return before;
  return before === 'sending' || before === 'unconfirmed' || row.unsure === 1 ? 'unconfirmed' : 'queued';
}

/** Gives a part back to WeChat. Behind a held part it is held, as every part is. */
function* restore(account: string, seq: number, row: Row, nowMs: number): Step<void> {
  const before = restored(row);
  const joins = before === 'queued' ? yield* queuedOrHeld({ account, user: row.user as string }) : null;
  const reason = joins?.state === 'held' ? joins.reason : null;
  yield* run(
    `UPDATE parts SET state = ?, reason = COALESCE(?, reason), fallback_by = NULL, not_before = 0, finished_at = ?
       WHERE seq = ?`,
    joins?.state ?? before,
    reason,
    joins !== null || before === 'delayed' ? null : nowMs,
    seq,
  );
  if (reason !== null) yield* run('UPDATE parts SET held_at = ? WHERE seq = ?', nowMs, seq);
}

/**
 * The parts of one text that are to go to a command now: those that a dead process has left come first. Who has no command
 * of its own (`withinMs` is null) takes none but those whose source has one.
 */
function* findDue(
  { account, withinMs, atOnce = false, nowMs }: FallbackRequest,
  claimant: Claimant,
  teller: Claimant,
): Step<Row[] | null> {
  const left = (yield* all(NEXT_UNDER_WAY, account)).filter(
    (row) => (withinMs !== null || row.command !== null) && isFree(row, teller, nowMs),
  );
  if (left.length > 0) return ofOneText(left);
  const values = [account, withinMs, nowMs, atOnce ? 0 : 1, LOOKED_AT] as const;
  const late = yield* all(LATE_OPEN, ...values);
  for (const row of late) {
    const text = ofOneText([row, ...late.filter((other) => other !== row)]);
    if (yield* areOnTheirWay(text, claimant, nowMs)) continue;
    return text;
  }
  const waiting = yield* one(LATE_SOURCE, ...values.slice(0, 4));
  const rows = waiting
    ? yield* all(
        LATE_DELAYED,
        account,
        waiting.user as string,
        waiting.source as string,
        waiting.latest as number,
        LOOKED_AT,
      )
    : yield* all(LATE_FINAL, ...values);
  return rows.length > 0 ? ofOneText(rows) : null;
}

/** Those of the same text as the first: a long one has several parts. */
function ofOneText(rows: readonly Row[]): Row[] {
  const [first, ...others] = rows as [Row, ...Row[]];
  const isOfIt = (row: Row): boolean =>
    first.run_id !== null && row.run_id === first.run_id && row.user === first.user;
  return [first, ...others.filter(isOfIt)];
}

/** Whether a living process is sending one of these parts, which all go to one user. */
function* areOnTheirWay(rows: readonly Row[], claimant: Claimant, nowMs: number): Step<boolean> {
  const [first] = rows;
  if (!first || !rows.some(({ state }) => state === 'sending' || state === 'uploading')) return false;
  const user = yield* one(LEASE, first.account as string, first.user as string);
  return user !== undefined && isLeased(user, claimant, nowMs);
}

/** Whether no living process has it, and its pause is over. */
function isFree(row: Row, teller: Claimant, nowMs: number): boolean {
  const by = row.fallback_by as string | null;
  const isOver = (row.fallback_until as number) <= nowMs;
  return isOver || (by !== null && by !== teller.id && !teller.isAlive(by));
}

export function* settleFallback(
  { account, seqs, isDone, nowMs }: Parameters<Outbox['settleFallback']>[0],
  teller: string,
): Step<PartView[]> {
  for (const seq of seqs) {
    const row = yield* one(
      `SELECT "user", fallback_from, fallback_tries, unsure FROM parts WHERE account = ? AND seq = ? AND ${UNDER_WAY} AND fallback_by = ?`,
      account,
      seq,
      teller,
    );
    if (!row) continue;
    const waitMs = RETRY_MS[(row.fallback_tries as number) - 1];
    if (isDone) yield* run('UPDATE parts SET fallback_by = NULL, finished_at = ? WHERE seq = ?', nowMs, seq);
    else if (waitMs !== undefined)
      yield* run(
        'UPDATE parts SET fallback_by = NULL, fallback_until = ? WHERE seq = ?',
        nowMs + waitMs,
        seq,
      );
    else yield* restore(account, seq, row, nowMs);
  }
  return yield* partsOf(seqs);
}
