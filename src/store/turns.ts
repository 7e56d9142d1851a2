import { turnRetryDelayMs } from '../core/backoff.ts';
import { newUuid } from '../core/ids.ts';
import { lastingChildren } from './children.ts';
import type { Database, Row } from './database.ts';
import type { Child, LaneEntry, StartedTurn, TurnResult } from './inbox-port.ts';
import type { NewPart, PartView } from './outbox-port.ts';
import { answer, outputsOf, running } from './outputs.ts';

/** The columns of {@link startedTurn}. */
const STARTED = 'seq, id, user, raw, received_at, session_id, turn, attempt, failures, outputs';

/** All messages that still have to run, in order of arrival. */
export function unfinished(database: Database, account: string): LaneEntry[] {
  return database
    .all(
      `SELECT seq, user, not_before FROM inbox
         WHERE account = ? AND state IN ('received', 'waiting', 'running') ORDER BY seq`,
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
    .all(
      "SELECT user, raw FROM inbox WHERE account = ? AND state IN ('received', 'waiting', 'running')",
      account,
    )
    .map((row) => ({ user: row.user as string, raw: row.raw as Buffer }));
}

/** Commits the start of a turn: the state, the attempt, and on the first one the place in the user's session. */
export function startTurn(
  database: Database,
  input: { account: string; seq: number; nowMs: number },
): StartedTurn | null {
  const { account, seq, nowMs } = input;
  const row = database.one(
    `SELECT ${STARTED} FROM inbox WHERE seq = ? AND account = ? AND state IN ('received', 'waiting')`,
    seq,
    account,
  );
  if (!row) return null;
  if (row.session_id === null) Object.assign(row, nextPlace(database, account, row.user as string));
  row.attempt = (row.attempt as number) + 1;
  database.run(
    `UPDATE inbox SET state = 'running', attempt = ?, started_at = ?, child = NULL, not_before = NULL,
       session_id = ?, turn = ? WHERE seq = ?`,
    row.attempt,
    nowMs,
    row.session_id as string,
    row.turn as number,
    seq,
  );
  return startedTurn(row);
}

/** Commits how a turn ended, with the parts of its answer. Returns those that wait behind held ones from the start. */
export function finishTurn(
  database: Database,
  input: { account: string; seq: number; result: TurnResult; parts: readonly NewPart[]; nowMs: number },
): PartView[] {
  const { seq, result, nowMs } = input;
  const row = running(database, input);
  if (!row) return [];
  if (result.kind === 'again') {
    database.run(
      "UPDATE inbox SET state = 'waiting', not_before = ?, failures = failures + ?, detail = ? WHERE seq = ?",
      result.notBeforeMs,
      result.counts ? 1 : 0,
      Buffer.from(result.detail, 'utf8'),
      seq,
    );
  } else {
    database.run(
      'UPDATE inbox SET state = ?, reason = ?, detail = ?, finished_at = ? WHERE seq = ?',
      result.kind,
      result.kind === 'failed' ? result.reason : null,
      result.kind === 'failed' ? Buffer.from(result.detail, 'utf8') : null,
      nowMs,
      seq,
    );
  }
  return answer(database, row, input.parts, nowMs);
}

/**
 * Puts back what a dead runner left running. The crash counts as a failure (contract 4): the message
 * waits the usual delay from its start, or has had its last try and is returned in `failed`, still
 * `running`, for the caller to finish with a notice.
 */
export function recover(
  database: Database,
  input: { account: string; retries: number; nowMs: number },
): { failed: StartedTurn[]; children: Child[] } {
  const { account, retries, nowMs } = input;
  // A turn that began in the future began before the clock was set back: nobody knows any more how long to wait.
  database.run(
    "UPDATE inbox SET not_before = ?1 WHERE account = ?2 AND state = 'waiting' AND started_at > ?1",
    nowMs,
    account,
  );
  const rows = database.all(
    `SELECT ${STARTED}, started_at, child FROM inbox WHERE account = ? AND state = 'running' ORDER BY seq`,
    account,
  );
  const failed: StartedTurn[] = [];
  for (const row of rows) {
    const failures = (row.failures as number) + 1;
    if (failures > retries) {
      failed.push(startedTurn(row));
      continue;
    }
    const startedAt = Math.min((row.started_at as number | null) ?? nowMs, nowMs);
    database.run(
      "UPDATE inbox SET state = 'waiting', failures = ?, not_before = ? WHERE seq = ?",
      failures,
      startedAt + turnRetryDelayMs(failures),
      row.seq as number,
    );
  }
  const ofTurns = rows
    .filter((row) => row.child !== null)
    .map((row) => JSON.parse(row.child as string) as Child);
  return { failed, children: [...ofTurns, ...lastingChildren(database, account)] };
}

/**
 * Marks failed or ignored messages to be run again: one by its id, or all failed ones. Returns how many. Who asks
 * again wants the whole answer again, so what was said before does not count.
 */
export function retry(database: Database, input: { account: string; id: string | null }): number {
  const fresh =
    "state = 'received', reason = NULL, detail = NULL, failures = 0, not_before = NULL, finished_at = NULL, outputs = NULL, said = 0";
  if (input.id === null) {
    return database.run(`UPDATE inbox SET ${fresh} WHERE account = ? AND state = 'failed'`, input.account)
      .changes;
  }
  return database.run(
    `UPDATE inbox SET ${fresh} WHERE account = ? AND id = ? AND state IN ('failed', 'ignored', 'superseded', 'done')`,
    input.account,
    input.id,
  ).changes;
}

/** The next place in the user's session: its `session_id` and `turn`. */
function nextPlace(database: Database, account: string, user: string): Row | undefined {
  return database.one(
    `INSERT INTO users (account, user, session_id, turn) VALUES (?1, ?2, ?3, 1)
       ON CONFLICT (account, user) DO UPDATE SET session_id = COALESCE(session_id, ?3), turn = turn + 1
       RETURNING session_id, turn`,
    account,
    user,
    newUuid(),
  );
}

function startedTurn(row: Row): StartedTurn {
  return {
    sessionId: row.session_id as string,
    turn: row.turn as number,
    seq: row.seq as number,
    id: row.id as string,
    user: row.user as string,
    raw: row.raw as Buffer,
    receivedAtMs: row.received_at as number,
    attempt: row.attempt as number,
    failures: row.failures as number,
    outputs: outputsOf(row),
  };
}
