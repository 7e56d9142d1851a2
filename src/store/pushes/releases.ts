import type { ChatLanguage } from '../../core/message/language.ts';
import { BUDGET_MESSAGES } from '../../core/message/wechat-limits.ts';
import { indexedBy, sql } from '../../sql/dialect.ts';
import { all, one, type Row, run, type Step, together, unawaited } from '../../sql/statement.ts';
import { ruleOf } from '../access/sources.ts';
import { dropLate } from '../outbox/drop-late.ts';
import { DELAYED, HELD, JOINING, SINCE } from '../outbox/part-states.ts';
import { partsOf, textOf } from '../outbox/parts.ts';
import type { Outbox, PartView } from '../port/port.ts';
import { inShort, type Told, toldOf, toldTogether } from './joined-text.ts';
import { askOnce, waitingOf } from './pushes.ts';
import { dueOf, JOIN_MS, type Room, textsOf, type WaitReason } from './source-rule.ts';
import { languageIn, noteText, roomIn, roomOf, sentOf, takeUncounted } from './user-allowance.ts';

/**
 * Users of whom a push is due: from one to the next by the index. Of the many who can get nothing now, most are left out
 * already here.
 */
const DUE_USERS = `WITH RECURSIVE waiting(seq) AS (
    SELECT (SELECT seq FROM parts WHERE ${DELAYED} ORDER BY account, "user" LIMIT 1)
    UNION ALL
    SELECT COALESCE(
        (SELECT next.seq FROM parts AS next
          WHERE next.${DELAYED} AND next.account = parts.account AND next."user" > parts."user"
          ORDER BY next."user" LIMIT 1),
        (SELECT next.seq FROM parts AS next WHERE next.${DELAYED} AND next.account > parts.account
          ORDER BY next.account, next."user" LIMIT 1))
      FROM waiting JOIN parts ON parts.seq = waiting.seq
  )
  SELECT parts.account, parts."user" FROM waiting JOIN parts ON parts.seq = waiting.seq
    LEFT JOIN users ON users.account = parts.account AND users."user" = parts."user"
    WHERE COALESCE(users.sent, 0) < ${BUDGET_MESSAGES}
      AND NOT EXISTS (SELECT 1 FROM parts AS other WHERE other.account = parts.account
        AND other."user" = parts."user" AND other.${HELD})
      AND EXISTS (SELECT 1 FROM parts AS due WHERE due.account = parts.account AND due."user" = parts."user"
        AND due.${DELAYED} AND due.not_before <= ?)`;
/**
 * Sources with pushes that have waited long enough, or that wait for others to be joined with: from one to the next by the
 * index. That of a push into which others were joined comes first.
 */
const DUE_SOURCES = sql`WITH RECURSIVE names(name) AS (
    SELECT (SELECT source FROM parts WHERE account = ?1 AND "user" = ?2 AND ${DELAYED} ORDER BY source LIMIT 1)
    UNION ALL
    SELECT (SELECT source FROM parts WHERE account = ?1 AND "user" = ?2 AND ${DELAYED} AND source > name
        ORDER BY source LIMIT 1) FROM names WHERE name IS NOT NULL
  )
  SELECT name FROM names WHERE name IS NOT NULL AND EXISTS (SELECT 1 FROM parts WHERE account = ?1 AND "user" = ?2
    AND source = name AND ${DELAYED} AND not_before <= ?3 AND (not_before <= ?4 OR reason = 'allowance'))
  ORDER BY CASE WHEN name = (SELECT source FROM parts ${indexedBy('parts_joining')}
    WHERE account = ?1 AND "user" = ?2 AND ${JOINING} LIMIT 1) THEN 0 ELSE 1 END, name`;
const SOURCE = 'SELECT * FROM sources WHERE name = ?';
const OF_SOURCE = sql`SELECT seq, run_id, source, text, file, reason, created_at, ${SINCE} AS since, not_before, expires_at, joined
  FROM parts ${indexedBy('parts_delayed')} WHERE account = ? AND "user" = ? AND source = ? AND ${DELAYED} ORDER BY seq`;
const MERGE = `UPDATE parts SET state = 'merged', reason = NULL, merged_into = ?1, finished_at = ?2
  WHERE account = ?3 AND "user" = ?4 AND source = ?5 AND ${DELAYED} AND file IS NULL AND seq <> ?1`;
/** Pushes of a source whose `--ttl` has ended. */
const IS_LATE = `account = ?2 AND "user" = ?3 AND source = ?4 AND ${DELAYED} AND expires_at <= ?1`;
/** So many texts one step joins, and some more of the last source. */
const MOST_TEXTS = 200;

/** Users who have pushes that may go; see `Outbox.duePushes`. Those who can get nothing now are not among them. */
export function* duePushes(nowMs: number): Step<{ account: string; user: string }[]> {
  const users: { account: string; user: string }[] = [];
  for (const row of yield* all(DUE_USERS, nowMs)) {
    const user = { account: row.account as string, user: row.user as string };
    if (hasRoom(roomIn(yield* roomOf(user), nowMs))) users.push(user);
  }
  return users;
}

function hasRoom({ isHeld, left }: Room): boolean {
  return !isHeld && left > 0;
}

/** A push that waits: the rows of its texts and files. */
interface WaitingPush {
  source: string;
  rows: Row[];
}

type ReleaseRequest = Parameters<Outbox['releasePushes']>[0];

/** Queues the pushes of a user that may go; see `Outbox.releasePushes`. */
export function* releasePushes(input: ReleaseRequest): Step<{ queued: PartView[]; isMore: boolean }> {
  const { nowMs } = input;
  const state = yield* roomOf(input);
  const room = roomIn(state, nowMs);
  // Nothing can go: what waits is not even read.
  if (!hasRoom(room)) return { queued: [], isMore: false };
  const language = languageIn(state);
  const { due, sources, expired, isMore } = yield* readDue(input);
  if (isMore) {
    yield* joinAhead(due, [...sources.values()], { expired, language, ...input });
    return { queued: [], isMore };
  }
  const texts = textsOf(due, room);
  const seqs: number[] = [];
  for (const [index, { pushes: some, isLast }] of texts.entries()) {
    const rows = [...new Set(some.map(({ source }) => source))]
      .map((name) => sources.get(name))
      .filter((row) => row !== undefined);
    const hasText = carrierOf(some) !== undefined;
    const uncounted = hasText ? (yield* takeUncounted(rows)) + (index === 0 ? expired : 0) : 0;
    // It is the last text: these are all that leave.
    const waiting = isLast ? (yield* waitingOf(input)) - some.length : 0;
    // A file alone says nothing.
    const isAsked = isLast && hasText && (yield* askOnce(input));
    seqs.push(
      ...(yield* queueJoined(some, {
        uncounted,
        alertSource: commandOf(rows),
        isLast,
        isAsked,
        waiting,
        language,
        ...input,
      })),
    );
    yield* noteText(rows, nowMs);
  }
  return { queued: yield* partsOf(seqs), isMore };
}

/**
 * What is due of a user, oldest first, with the rows of its sources, and how many pushes have expired of sources that were
 * removed. Of very many it is only a part: `isMore`.
 */
function* readDue(
  input: ReleaseRequest,
): Step<{ due: WaitingPush[]; sources: Map<string, Row>; expired: number; isMore: boolean }> {
  const { account, user, nowMs } = input;
  const names = yield* all(DUE_SOURCES, account, user, nowMs + JOIN_MS, nowMs);
  const sources = new Map<string, Row>();
  const due: WaitingPush[] = [];
  let [expired, read] = [0, 0];
  for (const name of names.map((row) => row.name as string)) {
    if (read > MOST_TEXTS) break;
    expired += (yield* dropLate(IS_LATE, nowMs, account, user, name)).ofNone;
    const [row, rows] = yield* together(one(SOURCE, name), all(OF_SOURCE, account, user, name));
    if (rows.length === 0) continue;
    if (row) sources.set(name, row);
    const firstMs = Math.min(...rows.map(({ since }) => since as number));
    const when = row && dueOf(ruleOf(row), { firstMs, sentMs: sentOf(row), nowMs });
    // Of a source that was removed all goes. What was joined counts as gone, for the limit.
    const reason = when?.reason === 'limit' && rows.some(isJoined) ? null : when?.reason;
    if (when && reason) read += yield* postpone(rows, when.atMs, reason, nowMs);
    else {
      due.push(...pushesOf(name, rows));
      read += rows.filter(isText).length;
    }
  }
  due.sort((one, other) => seqOf(one) - seqOf(other));
  return { due, sources, expired, isMore: read > MOST_TEXTS };
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

function isText(row: Row): boolean {
  return row.file === null;
}

/** Whether others were joined into a push that waits. */
function isJoined(row: Row): boolean {
  return row.joined !== null;
}

/** The row that carries the text of these pushes: one into which others were joined, or the first. */
function carrierOf(pushes: readonly WaitingPush[]): Row | undefined {
  const rows = pushes.flatMap((push) => push.rows).filter(isText);
  return rows.find(isJoined) ?? rows[0];
}

/** Has pushes wait longer. How many rows of them. */
function* postpone(rows: readonly Row[], atMs: number, reason: WaitReason, nowMs: number): Step<number> {
  const over = rows.filter(({ not_before }) => Number(not_before) <= nowMs);
  for (const { seq, expires_at } of over) {
    const untilMs = Math.min(atMs, (expires_at as number | null) ?? atMs);
    yield* unawaited(
      run('UPDATE parts SET not_before = ?, reason = ? WHERE seq = ?', untilMs, reason, seq as number),
    );
  }
  return over.length;
}

/** How a text of pushes is made. */
interface Telling extends ReleaseRequest {
  uncounted: number;
  /** The first of their sources that has a command of its own, which tells all of them; null: none has. */
  alertSource: string | null;
  waiting: number;
  isLast: boolean;
  isAsked: boolean;
  language: ChatLanguage | null;
}

/**
 * Queues pushes as one text, with their files behind it. Their own rows are used in their order, the texts of the others are
 * merged into the first. All that waits of their sources is among them. The numbers of the rows that are queued.
 */
function* queueJoined(pushes: readonly WaitingPush[], telling: Telling): Step<number[]> {
  const rows = pushes.flatMap((push) => push.rows);
  const carrier = carrierOf(pushes);
  const isWhole = pushes.length === 1 && telling.uncounted === 0 && !telling.isLast;
  const kept = isWhole ? rows : [...(carrier ? [carrier] : []), ...rows.filter((row) => !isText(row))];
  if (!isWhole && carrier) yield* tellJoined(carrier, pushes, telling);
  for (const { seq } of kept)
    yield* unawaited(
      // What it waited for does not count as late.
      run(
        `UPDATE parts SET state = 'queued', reason = NULL, not_before = 0, fallback_until = ?, joined = NULL
           WHERE seq = ?`,
        telling.nowMs,
        seq as number,
      ),
    );
  return kept.map(({ seq }) => seq as number);
}

/**
 * Joins pushes that are part of very many into one that still waits: whenever this process ends, each of them waits, or is
 * told by that.
 */
function* joinAhead(
  pushes: readonly WaitingPush[],
  sources: readonly Row[],
  { expired, ...rest }: ReleaseRequest & { expired: number; language: ChatLanguage | null },
): Step<void> {
  const carrier = carrierOf(pushes);
  if (!carrier) return;
  const uncounted = (yield* takeUncounted(sources)) + expired;
  const telling = {
    uncounted,
    alertSource: commandOf(sources),
    waiting: 0,
    isLast: false,
    isAsked: false,
    ...rest,
  };
  const told = inShort(yield* tellJoined(carrier, pushes, telling));
  yield* run('UPDATE parts SET joined = ? WHERE seq = ?', JSON.stringify(told), carrier.seq as number);
  yield* noteText(sources, rest.nowMs);
}

/** Makes one text of pushes: in the row that carries it, into which those of the others are merged. What it tells. */
function* tellJoined(carrier: Row, pushes: readonly WaitingPush[], telling: Telling): Step<Told> {
  const { account, user, nowMs, tell, language, alertSource, waiting, isLast, isAsked } = telling;
  const told = toldTogether(pushes.flatMap(toldOfPush));
  told.uncounted += telling.uncounted;
  const text = Buffer.from(tell({ waiting, isLast, isAsked, ...told }, language), 'utf8');
  const seq = carrier.seq as number;
  yield* run(
    `UPDATE parts SET text = ?, expires_at = NULL, send_key = NULL, alert_source = COALESCE(alert_source, ?)
       WHERE seq = ?`,
    text,
    alertSource,
    seq,
  );
  for (const source of new Set(pushes.map((push) => push.source)))
    yield* unawaited(run(MERGE, seq, nowMs, account, user, source));
  return told;
}

/** The first of these sources that has a command of its own. */
function commandOf(sources: readonly Row[]): string | null {
  return (sources.find(({ fallback }) => fallback !== null)?.name as string | undefined) ?? null;
}

/** What is told of a push that waits, and of those that were joined into it. */
function toldOfPush({ source, rows }: WaitingPush): Told[] {
  const texts = rows.filter(isText);
  const [first] = texts;
  if (!first) return [];
  if (isJoined(first)) return [JSON.parse(first.joined as string) as Told];
  const text = texts.map(textOf).join('\n');
  const cameAtMs = rows[0]?.created_at as number;
  return [toldOf({ source, text, cameAtMs, reason: rows[0]?.reason as string | null })];
}
