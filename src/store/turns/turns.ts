import type { ChatLanguage } from '../../core/message/language.ts';
import { turnRetryDelayMs } from '../../core/time/backoff.ts';
import type { Database, Row, SqlValue } from '../../sqlite/database.ts';
import { gather } from '../inbox/merging.ts';
import { nextPlace } from '../inbox/session-position.ts';
import { rowsOf, UNFINISHED } from '../inbox/unfinished.ts';
import type { Claimant } from '../outbox/lease.ts';
import { type Answer, answer, NOTHING, outputsOf } from '../outbox/queue.ts';
import type {
  Child,
  Deferred,
  EndedTurn,
  LaneEntry,
  QueuedParts,
  StartedTurn,
  TurnResult,
} from '../port/port.ts';
import { lastingChildren } from './children.ts';

/** The columns of {@link startedTurn}. */
const STARTED = `seq, inbox.account, id, inbox.user, raw, text_from, received_at, inbox.session_id, inbox.turn, attempt,
    failures, burst, outputs, (SELECT owner FROM accounts WHERE accounts.account = inbox.account) AS owner,
    (SELECT language FROM users WHERE users.account = inbox.account AND users.user = inbox.user) AS user_language`;
/** Of several messages that are one turn, the first stands for all. */
const FIRST = '(burst IS NULL OR burst = seq)';

const TO_START = `SELECT ${STARTED} FROM inbox
  WHERE seq = ? AND account = ? AND state IN ('received', 'waiting') AND ${FIRST}`;
const START = `UPDATE inbox SET state = 'running', reason = NULL, attempt = ?, started_at = ?, child = NULL,
  not_before = NULL, session_id = ?, turn = ?`;
/** How a turn of one message starts, and one of several. */
const STARTS = { seq: `${START} WHERE seq = ?`, burst: `${START} WHERE burst = ?` };

/** All messages that are still to be started, in order of arrival; not those that wait for their triage. */
export function unfinished(database: Database, account: string): LaneEntry[] {
  return database
    .all(
      `SELECT seq, user, not_before FROM inbox
         WHERE account = ? AND ${UNFINISHED} AND +state <> 'running' AND untriaged = 0 AND ${FIRST} ORDER BY seq`,
      account,
    )
    .map((row) => ({
      seq: row.seq as number,
      user: row.user as string,
      notBeforeMs: row.not_before as number | null,
    }));
}

/** What messages that still have to run say. */
export function unfinishedContent(database: Database, account: string): { user: string; raw: Buffer }[] {
  return database
    .all(`SELECT user, raw FROM inbox WHERE account = ? AND ${UNFINISHED}`, account)
    .map((row) => ({ user: row.user as string, raw: row.raw as Buffer }));
}

/**
 * Commits the start of a turn: the state, the attempt, and on the first one which messages it has, and the place
 * in the user's session.
 */
export function startTurn(
  database: Database,
  input: { account: string; seq: number; mergeMs: number; nowMs: number },
): StartedTurn | Deferred | null {
  const { account, seq, nowMs } = input;
  const row = database.one(TO_START, seq, account);
  if (!row) return null;
  if (input.mergeMs > 0 && row.attempt === 0 && row.burst === null) {
    const quietAtMs = gather(database, row, input.mergeMs, nowMs);
    if (quietAtMs !== null) return { notBeforeMs: quietAtMs };
  }
  if (row.session_id === null) {
    const place = nextPlace(database, { account, user: row.user as string });
    Object.assign(row, { session_id: place.sessionId, turn: place.turn });
  }
  row.attempt = (row.attempt as number) + 1;
  database.run(STARTS[rowsOf(row)], row.attempt, nowMs, row.session_id as string, row.turn as number, seq);
  return startedTurn(database, row);
}

/** Commits how a turn ended, with the parts of its answer. */
export function finishTurn(
  database: Database,
  input: Answer & { account: string; turn: EndedTurn; result: TurnResult },
  claimant: Claimant,
): QueuedParts {
  const { account, turn } = input;
  const { seq } = turn;
  const values = endOf(input);
  if (database.run(END_FIRST, ...values, seq, account).changes === 0) {
    // Superseded while the agent was at work, which has ended now.
    database.run('UPDATE inbox SET child = NULL WHERE seq = ? AND account = ?', seq, account);
    return NOTHING;
  }
  if (turn.messages.length > 1) database.run(END_OTHERS, ...values, seq);
  return answer(database, { ...turn, account }, input, claimant);
}

/** How a row of a turn is written at its end; the values are those of {@link endOf}. */
const ENDED = `state = ?1, reason = ?2, detail = ?3, finished_at = ?4, not_before = ?5, failures = failures + ?6,
  child = NULL`;
const END_FIRST = `UPDATE inbox SET ${ENDED} WHERE seq = ?7 AND account = ?8 AND state = 'running'`;
const END_OTHERS = `UPDATE inbox SET ${ENDED} WHERE burst = ?7 AND seq <> ?7`;

function endOf({ result, nowMs }: { result: TurnResult; nowMs: number }): SqlValue[] {
  const detail = result.kind === 'done' ? null : Buffer.from(result.detail, 'utf8');
  if (result.kind === 'retry') {
    return ['waiting', null, detail, null, result.notBeforeMs, result.counts ? 1 : 0];
  }
  return [result.kind, result.kind === 'failed' ? result.reason : null, detail, nowMs, null, 0];
}

/**
 * Puts back what a dead runner left running. The crash counts as a failure (contract 4): the message
 * waits the usual delay from its start, or has had its last try and is returned in `failed`, still
 * `running`, for the caller to finish with a notice.
 */
export function recover(
  database: Database,
  input: { account: string; former: string | null; retries: number; nowMs: number },
): { failed: StartedTurn[]; children: Child[] } {
  const { account, retries, nowMs } = input;
  database.run('UPDATE users SET lease = NULL WHERE account = ? AND lease = ?', account, input.former);
  // A turn that began in the future began before the clock was set back: nobody knows any more how long to wait.
  database.run(
    `UPDATE inbox SET not_before = ?1 WHERE account = ?2 AND ${UNFINISHED} AND +state = 'waiting' AND started_at > ?1`,
    nowMs,
    account,
  );
  const rows = database.all(
    `SELECT ${STARTED}, started_at FROM inbox
       WHERE account = ? AND ${UNFINISHED} AND +state = 'running' AND ${FIRST} ORDER BY seq`,
    account,
  );
  const failed: StartedTurn[] = [];
  for (const row of rows) {
    const failures = (row.failures as number) + 1;
    if (failures > retries) {
      failed.push(startedTurn(database, row));
      continue;
    }
    const startedAt = Math.min((row.started_at as number | null) ?? nowMs, nowMs);
    database.run(
      `UPDATE inbox SET state = 'waiting', failures = ?, not_before = ? WHERE ${rowsOf(row)} = ?`,
      failures,
      startedAt + turnRetryDelayMs(failures),
      row.seq as number,
    );
  }
  // Also those of messages that were superseded: their turns are over only when the agent has ended.
  const ofTurns = database
    .all('SELECT child FROM inbox WHERE account = ? AND child IS NOT NULL', account)
    .map((row) => JSON.parse(row.child as string) as Child);
  return { failed, children: [...ofTurns, ...lastingChildren(database, account)] };
}

/** Ends a message that answers a question of a turn. Its content; null when it has ended already. */
export function finishAnswer(
  database: Database,
  input: { account: string; seq: number; nowMs: number },
): Buffer | null {
  const row = database.one(
    `UPDATE inbox SET state = 'done', finished_at = ? WHERE seq = ? AND account = ? AND state = 'received'
       AND reason = 'answer' RETURNING raw`,
    input.nowMs,
    input.seq,
    input.account,
  );
  return row ? (row.raw as Buffer) : null;
}

function startedTurn(database: Database, row: Row): StartedTurn {
  const rows =
    row.burst === null
      ? [row]
      : database.all('SELECT raw, text_from FROM inbox WHERE burst = ? ORDER BY seq', row.seq as number);
  return {
    sessionId: row.session_id as string,
    turn: row.turn as number,
    seq: row.seq as number,
    id: row.id as string,
    user: row.user as string,
    isOwner: row.user === row.owner,
    language: row.user_language as ChatLanguage | null,
    messages: rows.map((one) => ({ raw: one.raw as Buffer, textFrom: one.text_from as number })),
    receivedAtMs: row.received_at as number,
    attempt: row.attempt as number,
    failures: row.failures as number,
    outputs: outputsOf(row),
  };
}
