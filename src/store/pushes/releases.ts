import { BUDGET_MESSAGES } from '../../core/message/budget.ts';
import type { ChatLanguage } from '../../core/message/language.ts';
import { indexedBy, sql } from '../../sql/dialect.ts';
import { all, one, type Row, run, type Step, together, unawaited } from '../../sql/statement.ts';
import { ruleOf } from '../access/sources.ts';
import { DELAYED, HELD } from '../outbox/part-states.ts';
import { partsOf, textOf } from '../outbox/parts.ts';
import type { Outbox, PartView, PushTeller } from '../port/port.ts';
import { askOnce, waitingOf } from './pushes.ts';
import { languageIn, noteText, roomIn, roomOf, sentOf, takeUncounted } from './room.ts';
import { dueOf, JOIN_MS, textsOf, type WaitReason } from './rule.ts';

/**
 * Users of whom a push is due: from the earliest of one source to that of the next by the index, however many wait. Those
 * who can get nothing now are left out.
 */
const DUE_USERS = `WITH RECURSIVE earliest(seq) AS (
    SELECT (SELECT seq FROM parts WHERE ${DELAYED} ORDER BY account, "user", source, not_before LIMIT 1)
    UNION ALL
    SELECT COALESCE(
        (SELECT next.seq FROM parts AS next WHERE next.${DELAYED} AND next.account = parts.account
            AND next."user" = parts."user" AND next.source > parts.source
          ORDER BY next.source, next.not_before LIMIT 1),
        (SELECT next.seq FROM parts AS next
          WHERE next.${DELAYED} AND next.account = parts.account AND next."user" > parts."user"
          ORDER BY next."user", next.source, next.not_before LIMIT 1),
        (SELECT next.seq FROM parts AS next WHERE next.${DELAYED} AND next.account > parts.account
          ORDER BY next.account, next."user", next.source, next.not_before LIMIT 1))
      FROM earliest JOIN parts ON parts.seq = earliest.seq
  )
  SELECT due.account, due."user" FROM (SELECT DISTINCT parts.account, parts."user"
      FROM earliest JOIN parts ON parts.seq = earliest.seq WHERE parts.not_before <= ?) AS due
    LEFT JOIN users ON users.account = due.account AND users."user" = due."user"
    WHERE COALESCE(users.sent, 0) < ${BUDGET_MESSAGES}
      AND NOT EXISTS (SELECT 1 FROM parts AS other WHERE other.account = due.account
        AND other."user" = due."user" AND other.${HELD})`;
/** Sources with pushes that have waited long enough, or that wait for others to be joined with. */
const DUE_SOURCES = `SELECT DISTINCT source FROM parts WHERE account = ? AND "user" = ? AND ${DELAYED}
  AND not_before <= ? AND (not_before <= ? OR reason = 'allowance')`;
const SOURCE = 'SELECT * FROM sources WHERE name = ?';
const OF_SOURCE = sql`SELECT seq, run_id, source, text, file, reason, created_at, not_before, expires_at
  FROM parts ${indexedBy('parts_delayed')} WHERE account = ? AND "user" = ? AND source = ? AND ${DELAYED} ORDER BY seq`;
const MERGE = `UPDATE parts SET state = 'merged', reason = NULL, merged_into = ?1, finished_at = ?2
  WHERE account = ?3 AND "user" = ?4 AND source = ?5 AND ${DELAYED} AND file IS NULL AND seq <> ?1`;
const IS_EXPIRED = `account = ? AND "user" = ? AND ${DELAYED} AND not_before <= ? AND expires_at <= ?`;

/** Users who have pushes that may go; see `Outbox.duePushes`. Those who can get nothing now are not among them. */
export function* duePushes(nowMs: number): Step<{ account: string; user: string }[]> {
  const rows = yield* all(DUE_USERS, nowMs);
  return rows.map((row) => ({ account: row.account as string, user: row.user as string }));
}

/** A push that waits: the rows of its texts and files. */
interface WaitingPush {
  source: string;
  rows: Row[];
}

/** Queues the pushes of a user that may go; see `Outbox.releasePushes`. */
export function* releasePushes(input: Parameters<Outbox['releasePushes']>[0]): Step<PartView[]> {
  const { account, user, nowMs } = input;
  const state = yield* roomOf(input);
  const room = roomIn(state, nowMs);
  // Nothing can go: what waits is not even read.
  if (room.isHeld || room.left <= 0) return [];
  const expired = yield* expire(input);
  const names = (yield* all(DUE_SOURCES, account, user, nowMs + JOIN_MS, nowMs)).map(
    ({ source }) => source as string,
  );
  const sources = new Map<string, Row>();
  const due: WaitingPush[] = [];
  for (const name of names) {
    const [row, rows] = yield* together(one(SOURCE, name), all(OF_SOURCE, account, user, name));
    if (row) sources.set(name, row);
    const firstMs = rows[0]?.created_at as number;
    const when = row && dueOf(ruleOf(row), { firstMs, sentMs: sentOf(row), nowMs });
    // Of a source that was removed all goes.
    if (!when || when.reason === null) due.push(...pushesOf(name, rows));
    else yield* postpone(rows, when.atMs, when.reason, nowMs);
  }
  due.sort((one, other) => seqOf(one) - seqOf(other));
  const texts = textsOf(due, room);
  const language = languageIn(state);
  const seqs: number[] = [];
  for (const [index, { pushes: some, isLast }] of texts.entries()) {
    const rows = [...new Set(some.map(({ source }) => source))]
      .map((name) => sources.get(name))
      .filter((row) => row !== undefined);
    const hasText = some.some((push) => push.rows.some((row) => row.file === null));
    const uncounted = hasText ? (yield* takeUncounted(rows)) + (index === 0 ? expired : 0) : 0;
    // It is the last text: these are all that leave.
    const waiting = isLast ? (yield* waitingOf(input)) - some.length : 0;
    // A file alone says nothing.
    const isAsked = isLast && hasText && (yield* askOnce(input));
    const about = { account, user, uncounted, isLast, isAsked, waiting, tell: input.tell, language, nowMs };
    seqs.push(...(yield* queueJoined(some, about)));
    yield* noteText(rows, nowMs);
  }
  return yield* partsOf(seqs);
}

/** The pushes of these rows of a source, which are in their order. */
function pushesOf(source: string, rows: readonly Row[]): WaitingPush[] {
  const found = new Map<string, WaitingPush>();
  for (const row of rows) {
    const push = found.get(row.run_id as string);
    if (push) push.rows.push(row);
    else found.set(row.run_id as string, { source, rows: [row] });
  }
  return [...found.values()];
}

function seqOf({ rows }: WaitingPush): number {
  return Number(rows[0]?.seq);
}

function* postpone(rows: readonly Row[], atMs: number, reason: WaitReason, nowMs: number): Step<void> {
  for (const { seq, not_before, expires_at } of rows) {
    if (Number(not_before) > nowMs) continue;
    const untilMs = Math.min(atMs, (expires_at as number | null) ?? atMs);
    yield* unawaited(
      run('UPDATE parts SET not_before = ?, reason = ? WHERE seq = ?', untilMs, reason, seq as number),
    );
  }
}

/**
 * Drops the pushes whose `--ttl` has ended, and counts them as not kept. Returns how many parts of sources that were removed
 * are among them.
 */
function* expire({ account, user, nowMs }: { account: string; user: string; nowMs: number }): Step<number> {
  const of = [account, user, nowMs, nowMs] as const;
  const expired = yield* all(
    `SELECT source, count(*) AS n FROM parts WHERE ${IS_EXPIRED} GROUP BY source`,
    ...of,
  );
  if (expired.length === 0) return 0;
  yield* run(
    `UPDATE parts SET state = 'expired', reason = 'ttl', finished_at = ? WHERE ${IS_EXPIRED}`,
    nowMs,
    ...of,
  );
  let ofNone = 0;
  for (const { source, n } of expired) {
    const add = 'UPDATE sources SET uncounted = uncounted + ? WHERE name = ?';
    if ((yield* run(add, Number(n), source as string)) === 0) ofNone += Number(n);
  }
  return ofNone;
}

/**
 * Queues pushes as one text, with their files behind it. Their own rows are used in their order, the texts of the others are
 * merged into the first. All that waits of their sources is among them. The numbers of the rows that are queued.
 */
function* queueJoined(
  pushes: readonly WaitingPush[],
  {
    account,
    user,
    tell,
    language,
    nowMs,
    ...about
  }: {
    account: string;
    user: string;
    tell: PushTeller;
    language: ChatLanguage | null;
    nowMs: number;
    uncounted: number;
    waiting: number;
    isLast: boolean;
    isAsked: boolean;
  },
): Step<number[]> {
  const texts = pushes.flatMap(({ source, rows }) => {
    const own = rows.filter((row) => row.file === null);
    const text = own.map(textOf).join('\n');
    const [first] = rows;
    return own.length === 0 || !first
      ? []
      : [{ source, text, cameAtMs: first.created_at as number, reason: first.reason as string | null }];
  });
  const rows = pushes.flatMap((push) => push.rows);
  const carrier = rows.find((row) => row.file === null);
  const isJoined = pushes.length > 1 || about.uncounted > 0 || about.isLast;
  const kept = isJoined ? [...(carrier ? [carrier] : []), ...rows.filter((row) => row.file !== null)] : rows;
  if (isJoined && carrier) {
    const text = Buffer.from(tell({ ...about, pushes: texts }, language), 'utf8');
    yield* run(
      'UPDATE parts SET text = ?, expires_at = NULL, send_key = NULL WHERE seq = ?',
      text,
      carrier.seq as number,
    );
    for (const source of new Set(pushes.map((push) => push.source)))
      yield* unawaited(run(MERGE, carrier.seq as number, nowMs, account, user, source));
  }
  for (const { seq } of kept)
    yield* unawaited(
      // What it waited for does not count as late.
      run(
        "UPDATE parts SET state = 'queued', reason = NULL, not_before = 0, fallback_until = ? WHERE seq = ?",
        nowMs,
        seq as number,
      ),
    );
  return kept.map(({ seq }) => seq as number);
}
