import { BUDGET_MESSAGES } from '../../core/message/budget.ts';
import type { ChatLanguage } from '../../core/message/language.ts';
import { all, one, type Row, run, type Step, unawaited } from '../../sql/statement.ts';
import { sourceOf } from '../access/sources.ts';
import { budgetOf } from '../outbox/budget.ts';
import type { Claimant } from '../outbox/lease.ts';
import { DELAYED, HELD, OPEN } from '../outbox/part-states.ts';
import { appendParts, insertPart, partsOf, textOf } from '../outbox/parts.ts';
import { enqueue, queuedBefore } from '../outbox/queue.ts';
import { isAsked, noteAsked } from '../outbox/word.ts';
import type { Outbox, PartView, PushRequest, PushTeller, SendRequest, Source } from '../port/port.ts';
import { dueOf, heldBack, JOIN_MS, type Room, textsOf, type WaitReason } from './rule.ts';

/** Pushes of a source that wait, or are queued, at most; what comes then is counted, and not kept. */
const MOST_WAITING = 100;

const SOURCE = 'SELECT * FROM sources WHERE name = ?';
const OF_SOURCE = `SELECT count(DISTINCT run_id) AS n, min(created_at) AS first FROM parts
  WHERE account = ? AND "user" = ? AND ${DELAYED} AND source = ?`;
const LANGUAGE = 'SELECT language FROM users WHERE account = ? AND "user" = ?';
const QUEUED_OF_SOURCE = `SELECT count(*) AS n FROM parts WHERE account = ? AND "user" = ? AND ${OPEN} AND source = ?`;
const HAS_WRITTEN = 'SELECT 1 FROM users WHERE account = ? AND "user" = ? AND last_message_at IS NOT NULL';
const IS_HELD = `SELECT 1 FROM parts WHERE account = ? AND "user" = ? AND ${HELD} LIMIT 1`;

/** Queues the parts of a `send`, or of a push; see `Outbox.enqueue`. */
export function* enqueueRequest({ push, ...request }: SendRequest, claimant: Claimant): Step<PartView[]> {
  if (!push) return yield* enqueue(request, claimant);
  return yield* enqueuePush({ ...request, push }, claimant);
}

/** Queues what a source pushes, or has it wait; with an `--id` that is known, neither. */
function* enqueuePush(request: SendRequest & { push: PushRequest }, claimant: Claimant): Step<PartView[]> {
  const { account, user, nowMs, push } = request;
  const before = yield* queuedBefore(request, claimant);
  if (before) return before;
  const row = yield* one(SOURCE, push.source);
  // It was removed a moment ago: what it has pushed before counts.
  if (!row) return yield* partsOf((yield* appendParts(request, request.parts)).seqs);
  const source = sourceOf(row);
  const room = yield* roomOf(request);
  const own = yield* one(OF_SOURCE, account, user, source.name);
  const isImportant = push.isImportant || source.isImportant;
  const wait = isImportant ? null : waitOf(source, row, own, room, nowMs);
  const options = { ...request, source: source.name, isImportant };
  if (wait) {
    if (Number(own?.n) >= MOST_WAITING) return yield* countOnly(source);
    const seqs: number[] = [];
    const state = { state: 'delayed', reason: wait.reason, dueMs: wait.atMs } as const;
    for (const part of request.parts) seqs.push(yield* insertPart(options, part, state));
    return yield* partsOf(seqs);
  }
  // Whatever is important, no source fills the queue.
  const queued = yield* one(QUEUED_OF_SOURCE, account, user, source.name);
  if (Number(queued?.n) >= MOST_WAITING) return yield* countOnly(source);
  yield* noteText([source.name], new Map([[source.name, row]]), nowMs);
  const [first, ...others] = request.parts;
  // What a file comes without is told with the next text.
  if (first?.file !== null) return yield* partsOf((yield* appendParts(options, request.parts)).seqs);
  const isLast = room.left === 1;
  const told = {
    pushes: [{ source: source.name, text: first.text, cameAtMs: nowMs, reason: null }],
    uncounted: yield* takeUncounted([row]),
    waiting: isLast ? yield* waitingOf(request) : 0,
    isLast,
    isAsked: isLast && (yield* askOnce(request)),
  };
  const text = push.tell(told, yield* languageOf(request));
  return yield* partsOf((yield* appendParts(options, [{ ...first, text }, ...others])).seqs);
}

/** Keeps nothing of a push but that there was one. */
function* countOnly({ name }: Source): Step<PartView[]> {
  yield* run('UPDATE sources SET uncounted = uncounted + 1 WHERE name = ?', name);
  return [];
}

/** Until when a push waits, and why; null: it goes. */
function waitOf(
  source: Source,
  row: Row,
  own: Row | undefined,
  room: Room,
  nowMs: number,
): { atMs: number; reason: WaitReason } | null {
  const firstMs = (own?.first as number | null | undefined) ?? nowMs;
  const { atMs, reason } = dueOf(source, { firstMs, sentMs: sentOf(row), nowMs });
  if (reason !== null) return { atMs, reason };
  const held = heldBack(room);
  if (held !== null) return { atMs: held === 'hold' ? nowMs : nowMs + JOIN_MS, reason: held };
  // What waits of the source goes first.
  return Number(own?.n) > 0 ? { atMs: nowMs, reason: 'digest' } : null;
}

/** What the user may get, parts that are queued left out. A window that is shut has room for a try. */
function* roomOf(of: { account: string; user: string; nowMs: number }): Step<Room> {
  const { left, queued, isOpen } = yield* budgetOf(of);
  const isHeld = (yield* one(IS_HELD, of.account, of.user)) !== undefined;
  const hasWritten = (yield* one(HAS_WRITTEN, of.account, of.user)) !== undefined;
  if (isOpen || (hasWritten && left === 0)) return { left: left - queued, isHeld };
  return { left: Number.POSITIVE_INFINITY, isHeld: isHeld || queued > 0 };
}

function* languageOf({ account, user }: { account: string; user: string }): Step<ChatLanguage | null> {
  const row = yield* one(LANGUAGE, account, user);
  return (row?.language as ChatLanguage | null | undefined) ?? null;
}

/** Notes that the last text asks a user for a word. Returns whether they were asked before. */
function* askOnce({ account, user }: { account: string; user: string }): Step<boolean> {
  if (yield* isAsked(account, user)) return true;
  yield* noteAsked(account, user);
  return false;
}

/** How many pushes of a user wait. */
function* waitingOf({ account, user }: { account: string; user: string }): Step<number> {
  const sql = `SELECT count(DISTINCT run_id) AS n FROM parts WHERE account = ? AND "user" = ? AND ${DELAYED}`;
  return Number((yield* one(sql, account, user))?.n);
}

function sentOf(row: Row): number[] {
  return JSON.parse(row.sent as string) as number[];
}

/** How many pushes of sources were not kept; from now on they are told. */
function* takeUncounted(rows: readonly Row[]): Step<number> {
  const counted = rows.filter((row) => Number(row.uncounted) > 0);
  for (const { name } of counted)
    yield* run('UPDATE sources SET uncounted = 0 WHERE name = ?', name as string);
  return counted.reduce((sum, row) => sum + Number(row.uncounted), 0);
}

/** Notes that a text of these sources goes, for those with a limit. */
function* noteText(names: readonly string[], rows: ReadonlyMap<string, Row>, nowMs: number): Step<void> {
  for (const name of new Set(names)) {
    const row = rows.get(name);
    if (!row || row.limit_count === null) continue;
    const sent = [...sentOf(row).filter((ms) => ms > nowMs - Number(row.limit_ms)), nowMs];
    row.sent = JSON.stringify(sent.slice(-Number(row.limit_count)));
    yield* run('UPDATE sources SET sent = ? WHERE name = ?', row.sent, name);
  }
}

/** Users who have pushes that may go; see `Outbox.duePushes`. Those who can get nothing now are not among them. */
export function* duePushes(nowMs: number): Step<{ account: string; user: string }[]> {
  const rows = yield* all(
    `SELECT DISTINCT parts.account AS account, parts."user" AS "user" FROM parts
       LEFT JOIN users ON users.account = parts.account AND users."user" = parts."user"
       WHERE parts.${DELAYED} AND (parts.not_before <= ? OR parts.expires_at <= ?) AND COALESCE(users.sent, 0) < ${BUDGET_MESSAGES}
         AND NOT EXISTS (SELECT 1 FROM parts AS other WHERE other.account = parts.account
           AND other."user" = parts."user" AND other.${HELD})`,
    nowMs,
    nowMs,
  );
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
  const expired = yield* expire(input);
  const pushes = yield* waitingPushes(account, user);
  const rows = new Map<string, Row>();
  for (const name of new Set(pushes.map(({ source }) => source))) {
    const row = yield* one(SOURCE, name);
    if (row) rows.set(name, row);
  }
  const due: WaitingPush[] = [];
  for (const push of pushes) {
    const row = rows.get(push.source);
    const first = pushes.find(({ source }) => source === push.source) as WaitingPush;
    const firstMs = first.rows[0]?.created_at as number;
    const when = row && dueOf(sourceOf(row), { firstMs, sentMs: sentOf(row), nowMs });
    // Of a source that was removed all goes.
    if (!when || when.reason === null) due.push(push);
    else if (Number(push.rows[0]?.not_before) <= nowMs) yield* postpone(push, when.atMs, when.reason);
  }
  const texts = textsOf(due, yield* roomOf(input));
  const language = yield* languageOf(input);
  const seqs: number[] = [];
  let left = pushes.length;
  for (const [index, { pushes: some, isLast }] of texts.entries()) {
    left -= some.length;
    const names = some.map(({ source }) => source);
    const sources = [...new Set(names)].flatMap((name) => {
      const row = rows.get(name);
      return row ? [row] : [];
    });
    const hasText = some.some((push) => push.rows.some((row) => row.file === null));
    const uncounted = hasText ? (yield* takeUncounted(sources)) + (index === 0 ? expired : 0) : 0;
    // A file alone says nothing.
    const wasAsked = isLast && hasText && (yield* askOnce(input));
    const told = { uncounted, isLast, isAsked: wasAsked, waiting: isLast ? left : 0 };
    seqs.push(...(yield* queueJoined(some, { ...told, tell: input.tell, language, nowMs })));
    yield* noteText(names, rows, nowMs);
  }
  return yield* partsOf(seqs);
}

/** Pushes that wait, the oldest first. */
function* waitingPushes(account: string, user: string): Step<WaitingPush[]> {
  const found = new Map<string, WaitingPush>();
  const rows = yield* all(
    `SELECT seq, run_id, source, text, file, reason, created_at, not_before FROM parts
       WHERE account = ? AND "user" = ? AND ${DELAYED} ORDER BY seq`,
    account,
    user,
  );
  for (const row of rows) {
    const push = found.get(row.run_id as string) ?? { source: (row.source as string | null) ?? '', rows: [] };
    push.rows.push(row);
    found.set(row.run_id as string, push);
  }
  return [...found.values()];
}

function* postpone({ rows }: WaitingPush, atMs: number, reason: WaitReason): Step<void> {
  for (const { seq } of rows)
    yield* unawaited(
      run('UPDATE parts SET not_before = ?, reason = ? WHERE seq = ?', atMs, reason, seq as number),
    );
}

/** Drops the pushes whose `--ttl` has ended. Returns how many parts. */
function* expire({ account, user, nowMs }: { account: string; user: string; nowMs: number }): Step<number> {
  return yield* run(
    `UPDATE parts SET state = 'expired', reason = 'ttl', finished_at = ?
       WHERE account = ? AND "user" = ? AND ${DELAYED} AND expires_at <= ?`,
    nowMs,
    account,
    user,
    nowMs,
  );
}

/**
 * Queues pushes as one text, with their files behind it. Their own rows are used in their order, the texts of the others are
 * merged into the first. The numbers of the rows that are queued.
 */
function* queueJoined(
  pushes: readonly WaitingPush[],
  {
    tell,
    language,
    nowMs,
    ...about
  }: {
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
  const ofTexts = rows.filter((row) => row.file === null);
  const [carrier, ...merged] = ofTexts;
  const isJoined = pushes.length > 1 || about.uncounted > 0 || about.isLast;
  const kept = isJoined ? [...(carrier ? [carrier] : []), ...rows.filter((row) => row.file !== null)] : rows;
  if (isJoined && carrier) {
    const text = Buffer.from(tell({ ...about, pushes: texts }, language), 'utf8');
    yield* run(
      'UPDATE parts SET text = ?, expires_at = NULL, send_key = NULL WHERE seq = ?',
      text,
      carrier.seq as number,
    );
    for (const { seq } of merged)
      yield* unawaited(
        run(
          "UPDATE parts SET state = 'merged', reason = NULL, merged_into = ?, finished_at = ? WHERE seq = ?",
          carrier.seq as number,
          nowMs,
          seq as number,
        ),
      );
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
