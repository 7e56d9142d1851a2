import { sql } from '../../sql/dialect.ts';
import { one, type Row, run, type Step, together } from '../../sql/statement.ts';
import { ruleOf } from '../access/sources.ts';
import { isAsked, noteAsked } from '../outbox/ask-for-word.ts';
import { storeContents } from '../outbox/blob-rows.ts';
import { DELAYED, JOINING, OPEN, SINCE } from '../outbox/part-states.ts';
import { appendParts, insertPart, newView, partsOf } from '../outbox/parts.ts';
import { enqueue, queuedBefore, replaceBefore } from '../outbox/queue.ts';
import type { Claimant } from '../outbox/user-lease.ts';
import { type PartView, type PushRequest, type SendRequest, SourceGone } from '../port/port.ts';
import { toldOf } from './joined-text.ts';
import { dueOf, heldBack, JOIN_MS, type Room, type WaitReason } from './source-rule.ts';
import { languageIn, noteText, ROOM, roomIn, sentOf, takeUncounted } from './user-allowance.ts';

/** Pushes of a source that wait, or are queued, at most; what comes then is counted, and not kept. */
const MOST_WAITING = 100;

/** What waits of a source. */
const WAITING = `FROM parts WHERE account = ?1 AND "user" = ?2 AND source = ?3 AND ${DELAYED}`;
/** Everything that decides about a push of the source ?3 to the user ?2 of the account ?1. Few rows are not told apart. */
const PUSH_STATE = sql`SELECT name, digest, digest_ms, limit_count, limit_ms, quiet, important, sources.sent AS sent, uncounted,
    ${ROOM}, own.first, CASE WHEN own.n < ${MOST_WAITING} THEN own.n
      ELSE (SELECT count(*) FROM (SELECT 1 AS one ${WAITING} GROUP BY run_id) AS pushes) END AS waiting,
    CASE WHEN EXISTS (SELECT 1 FROM parts WHERE account = ?1 AND "user" = ?2 AND ${JOINING}) THEN 1 ELSE 0 END AS joining
  FROM sources LEFT JOIN users ON users.account = ?1 AND users."user" = ?2
    CROSS JOIN (SELECT count(*) AS n, min(${SINCE}) AS first ${WAITING}) AS own
  WHERE sources.name = ?3`;
const QUEUED_OF_SOURCE = `SELECT count(*) AS n FROM parts WHERE account = ? AND "user" = ? AND ${OPEN} AND source = ?`;

/** Queues the parts of a `send`, or of a push; see `Outbox.enqueue`. */
export function* enqueueRequest(request: SendRequest, claimant: Claimant): Step<PartView[]> {
  const { push } = request;
  return push ? yield* enqueuePush(request, push, claimant) : yield* enqueue(request, claimant);
}

/** Queues what a source pushes, or has it wait; with an `--id` that is known, neither. */
function* enqueuePush(request: SendRequest, push: PushRequest, claimant: Claimant): Step<PartView[]> {
  const { account, user, nowMs } = request;
  const name = push.source;
  let row = yield* one(PUSH_STATE, account, user, name);
  if (row?.digest !== push.digest) throw new SourceGone(name);
  const before = yield* queuedBefore(request);
  if (before) return before;
  const waitsSinceMs = yield* replaceBefore(request, claimant);
  // What it replaces waits no longer.
  if (request.key !== null) row = (yield* one(PUSH_STATE, account, user, name)) as Row;
  const room = roomIn(row, nowMs);
  const isImportant = push.isImportant || row.important === 1;
  const wait = isImportant ? null : waitOf(row, room, { sinceMs: waitsSinceMs ?? nowMs, nowMs });
  const options = { source: name, isImportant, waitsSinceMs, ...request };
  if (wait) {
    if (Number(row.waiting) >= MOST_WAITING) return yield* countOnly(name);
    const { parts } = request;
    const state = { state: 'delayed', reason: wait.reason, dueMs: wait.atMs } as const;
    yield* storeContents(
      account,
      parts.map(({ file }) => file),
    );
    const seqs = yield* together(...parts.map((part) => insertPart(options, part, state)));
    return parts.map((part, index) => newView(seqs[index] as number, options, part, state));
  }
  // Whatever is important, no source fills the queue.
  const queued = yield* one(QUEUED_OF_SOURCE, account, user, name);
  if (Number(queued?.n) >= MOST_WAITING) return yield* countOnly(name);
  yield* noteText([row], nowMs);
  const [first, ...others] = request.parts;
  // What a file comes without is told with the next text.
  if (first?.file !== null) return yield* partsOf((yield* appendParts(options, request.parts)).seqs);
  // Behind what is held it goes when the user has written, and may get more.
  const isLast = room.left === 1 && !room.isHeld;
  const told = toldOf({ source: name, text: first.text, cameAtMs: nowMs, reason: null });
  told.uncounted = yield* takeUncounted([row]);
  const waiting = isLast ? yield* waitingOf(request) : 0;
  const isAsked = isLast && (yield* askOnce(request));
  const text = push.tell({ waiting, isLast, isAsked, ...told }, languageIn(row));
  // Neither its time nor a newer one takes away what it says of others.
  const own = isLast || told.uncounted > 0 ? { ...options, key: null, expiresAtMs: null } : options;
  return yield* partsOf((yield* appendParts(own, [{ ...first, text }, ...others])).seqs);
}

/** Keeps nothing of a push but that there was one. */
function* countOnly(name: string): Step<PartView[]> {
  yield* run('UPDATE sources SET uncounted = uncounted + 1 WHERE name = ?', name);
  return [];
}

/** Until when a push waits, and why; null: it goes. `sinceMs`: since when there is something to tell. */
function waitOf(
  state: Row,
  room: Room,
  { sinceMs, nowMs }: { sinceMs: number; nowMs: number },
): { atMs: number; reason: WaitReason } | null {
  const firstMs = Math.min(sinceMs, (state.first as number | null) ?? sinceMs);
  const { atMs, reason } = dueOf(ruleOf(state), { firstMs, sentMs: sentOf(state), nowMs });
  if (reason !== null) return { atMs, reason };
  const held = heldBack(room);
  if (held !== null) return { atMs: held === 'hold' ? firstMs : firstMs + JOIN_MS, reason: held };
  // What waits of the source goes first: by itself, or joined into one of another source.
  return Number(state.waiting) > 0 || Number(state.joining) === 1
    ? { atMs: firstMs, reason: 'digest' }
    : null;
}

/** Notes that the last text asks a user for a word. Returns whether they were asked before. */
export function* askOnce({ account, user }: { account: string; user: string }): Step<boolean> {
  if (yield* isAsked(account, user)) return true;
  yield* noteAsked(account, user);
  return false;
}

/** How many pushes of a user wait. */
export function* waitingOf({ account, user }: { account: string; user: string }): Step<number> {
  const of = `SELECT count(DISTINCT run_id) AS n FROM parts WHERE account = ? AND "user" = ? AND ${DELAYED}`;
  return Number((yield* one(of, account, user))?.n);
}
