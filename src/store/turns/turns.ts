import type { ChatLanguage } from '../../core/message/language.ts';
import { indexedBy, sql } from '../../sql/dialect.ts';
import {
  all,
  one,
  type Row,
  run,
  type SqlValue,
  type Statement,
  type Step,
  together,
  unawaited,
} from '../../sql/statement.ts';
import { nextTurn, sessionOf } from '../accounts/sessions.ts';
import { FIRST_OF_TURN, turnColumn } from '../inbox/unfinished.ts';
import { UNFINISHED } from '../outbox/part-states.ts';
import { NOTHING_QUEUED, outboxFor, queueReply } from '../outbox/queue.ts';
import type { Claimant } from '../outbox/user-lease.ts';
import type { Behind, Deferred, QueuedParts, StartedTurn, TurnResult, Turns } from '../port/port.ts';
import { outputsOf } from './output.ts';

/** The columns of {@link startedTurn}, and where they are. */
export const STARTED = `seq, inbox.account, id, inbox."user", raw, text_from, received_at, inbox.session_id, inbox.turn, attempt,
    failures, burst, outputs, started_at, owner, language, users.session_id AS user_session, users.turn AS user_turn
  FROM inbox LEFT JOIN accounts ON accounts.account = inbox.account
    LEFT JOIN users ON users.account = inbox.account AND users."user" = inbox."user"`;

/** The message before, of the same user, if it has never started. */
const EARLIER = `SELECT CASE WHEN state = 'received' AND untriaged = 0 AND ${FIRST_OF_TURN} THEN seq END
  FROM inbox AS earlier WHERE earlier.account = inbox.account AND earlier."user" = inbox."user" AND earlier.seq < inbox.seq
  ORDER BY earlier.seq DESC LIMIT 1`;

const TO_START = `SELECT (${EARLIER}) AS earlier, ${STARTED}
  WHERE seq = ? AND inbox.account = ? AND state IN ('received', 'waiting') AND ${FIRST_OF_TURN}`;
const START = `UPDATE inbox SET state = 'running', reason = NULL, attempt = ?, started_at = ?, child = NULL,
  not_before = NULL, session_id = ?, turn = ?`;
/** Starts a turn of one message, and of several. */
const STARTS = { seq: `${START} WHERE seq = ?`, burst: `${START} WHERE burst = ?` };

/**
 * Commits the start of a turn: its state and attempt. The first start also decides which messages belong to the turn,
 * and its number in the user's session. A message does not start before one that came first, also when its
 * runner does not know that: the late owner of an account may have stored it.
 */
export function* startTurn(
  input: Parameters<Turns['startTurn']>[0],
): Step<StartedTurn | Deferred | Behind | null> {
  const { account, seq, nowMs } = input;
  const row = yield* one(TO_START, seq, account);
  if (!row) return null;
  if (row.earlier !== null) return { earlier: row.earlier as number };
  if (input.mergeMs > 0 && row.attempt === 0 && row.burst === null) {
    const notBeforeMs = yield* mergeMessages(row, input.mergeMs, nowMs);
    if (notBeforeMs !== null) return { notBeforeMs };
  }
  if (row.session_id === null) {
    const before = sessionOf(row.user_session, row.user_turn);
    const next = yield* nextTurn({ account, user: row.user as string }, before);
    Object.assign(row, { session_id: next.sessionId, turn: next.turn });
  }
  row.attempt = (row.attempt as number) + 1;
  yield* unawaited(
    run(STARTS[turnColumn(row)], row.attempt, nowMs, row.session_id as string, row.turn as number, seq),
  );
  return startedTurn(row, row.burst === null ? [row] : yield* messagesOf(row));
}

const TO_MERGE = sql`SELECT seq, COALESCE(created_at, received_at) AS written_at, received_at
  FROM inbox ${indexedBy('inbox_unfinished')} WHERE account = ? AND ${UNFINISHED} AND state = 'received'
    AND "user" = ? AND seq >= ? AND attempt = 0 AND burst IS NULL AND session_id IS NOT DISTINCT FROM ? AND untriaged = 0
  ORDER BY seq`;

/**
 * Merges a message that is about to start with those of its user that follow, each written within `mergeMs` of the one
 * before (`--merge`). Returns null when the turn may start, or else the time at which to try again, because the user
 * wrote less than `mergeMs` ago.
 */
function* mergeMessages(first: Row, mergeMs: number, nowMs: number): Step<number | null> {
  const received = yield* all(
    TO_MERGE,
    first.account as string,
    first.user as string,
    first.seq as number,
    first.session_id as string | null,
  );
  const writtenAt = received.map((row) => row.written_at as number);
  const pause = writtenAt.findIndex((at, n) => at - (writtenAt[n - 1] ?? at) > mergeMs);
  const merged = pause < 0 ? received : received.slice(0, pause);
  const last = merged.at(-1)?.received_at as number;
  // A time in the future means that the clock was set back: it counts as past, so that nobody waits for it.
  const mayStart = pause >= 0 || nowMs - last >= mergeMs || nowMs < last;
  if (!mayStart) return last + mergeMs;
  if (merged.length === 1) return null;
  first.burst = first.seq as number;
  yield* unawaited(
    ...merged.map((row) =>
      run('UPDATE inbox SET burst = ? WHERE seq = ?', first.seq as number, row.seq as number),
    ),
  );
  return null;
}

/** Commits how a turn ended, with the parts of its reply. */
export function* finishTurn(
  input: Parameters<Turns['finishTurn']>[0],
  claimant: Claimant,
): Step<QueuedParts> {
  const { account, turn } = input;
  const { seq, attempt } = turn;
  const values = resultValues(input);
  const [ended, outbox] = yield* together(
    run(FINISH_FIRST, ...values, seq, account, attempt),
    ...outboxFor(input),
  );
  if (ended === 0) {
    // It was superseded while the agent ran, which has ended now; or another attempt runs.
    yield* unawaited(run(FORGET_CHILD, seq, account));
    return NOTHING_QUEUED;
  }
  if (turn.messages.length > 1) yield* unawaited(run(FINISH_OTHERS, ...values, seq));
  return yield* queueReply({ account, ...turn }, input, claimant, outbox);
}

const FORGET_CHILD = `UPDATE inbox SET child = NULL WHERE seq = ? AND account = ? AND state <> 'running'`;
/** Writes the end of a turn into a row; the values are those of {@link resultValues}. */
const FINISH = `state = ?1, reason = ?2, detail = ?3, finished_at = ?4, not_before = ?5, failures = failures + ?6,
  child = NULL`;
const FINISH_FIRST = `UPDATE inbox SET ${FINISH} WHERE seq = ?7 AND account = ?8 AND state = 'running'
  AND attempt = ?9`;
const FINISH_OTHERS = `UPDATE inbox SET ${FINISH} WHERE burst = ?7 AND seq <> ?7`;

function resultValues({ result, nowMs }: { result: TurnResult; nowMs: number }): SqlValue[] {
  const detail = result.kind === 'done' ? null : Buffer.from(result.detail, 'utf8');
  if (result.kind === 'retry') {
    return ['waiting', null, detail, null, result.notBeforeMs, result.counts ? 1 : 0];
  }
  return [result.kind, result.kind === 'failed' ? result.reason : null, detail, nowMs, null, 0];
}

/** Ends a message that answered a question of a turn. Returns its content; null when it had ended already. */
export function* finishAnswer(input: { account: string; seq: number; nowMs: number }): Step<Buffer | null> {
  const row = yield* one(
    `UPDATE inbox SET state = 'done', finished_at = ? WHERE seq = ? AND account = ? AND state = 'received'
       AND reason = 'answer' RETURNING raw`,
    ...[input.nowMs, input.seq, input.account],
  );
  return row ? (row.raw as Buffer) : null;
}

/** The messages of the turn that a row represents. */
export function messagesOf(first: Row): Statement<Row[]> {
  return all('SELECT raw, text_from FROM inbox WHERE burst = ? ORDER BY seq', first.seq as number);
}

/** The turn of a row with the columns {@link STARTED}, with all of its messages. */
export function startedTurn(row: Row, messages: readonly Row[]): StartedTurn {
  return {
    sessionId: row.session_id as string,
    turn: row.turn as number,
    seq: row.seq as number,
    id: row.id as string,
    user: row.user as string,
    isOwner: row.user === row.owner,
    language: row.language as ChatLanguage | null,
    messages: messages.map((one) => ({ raw: one.raw as Buffer, textFrom: one.text_from as number })),
    receivedAtMs: row.received_at as number,
    attempt: row.attempt as number,
    failures: row.failures as number,
    outputs: outputsOf(row),
  };
}
