import { turnRetryDelayMs } from '../core/backoff.ts';
import { newUuid } from '../core/ids.ts';
import type { Database, Row } from './database.ts';
import type { Child, LaneEntry, StartedTurn, TurnResult } from './inbox-port.ts';
import type { NewPart } from './outbox-port.ts';
import { appendParts } from './parts.ts';

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

/** Commits the start of a turn: the state, the attempt, and on the first one the place in the user's session. */
export function startTurn(
  database: Database,
  input: { account: string; seq: number; nowMs: number },
): StartedTurn | null {
  const { account, seq, nowMs } = input;
  const row = database.one(
    "SELECT * FROM inbox WHERE seq = ? AND account = ? AND state IN ('received', 'waiting')",
    seq,
    account,
  );
  if (!row) return null;
  const place = row.session_id === null ? nextPlace(database, account, row.user as string) : placeOf(row);
  const attempt = (row.attempt as number) + 1;
  database.run(
    `UPDATE inbox SET state = 'running', attempt = ?, started_at = ?, child = NULL, not_before = NULL, session_id = ?, turn = ? WHERE seq = ?`,
    attempt,
    nowMs,
    place.sessionId,
    place.turn,
    seq,
  );
  return startedTurn({ ...row, attempt, session_id: place.sessionId, turn: place.turn });
}

/** Commits how a turn ended, with the parts of its answer. */
export function finishTurn(
  database: Database,
  input: { account: string; seq: number; result: TurnResult; parts: readonly NewPart[]; nowMs: number },
): { user: string; id: string } | null {
  const { account, seq, result, nowMs } = input;
  const row = database.one(
    "SELECT id, user FROM inbox WHERE seq = ? AND account = ? AND state = 'running'",
    seq,
    account,
  );
  if (!row) return null;
  const user = row.user as string;
  const id = row.id as string;
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
  appendParts(database, { account, user, message: id, nowMs }, input.parts);
  return { user, id };
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
  const rows = database.all(
    "SELECT * FROM inbox WHERE account = ? AND state = 'running' ORDER BY seq",
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
  const children = rows
    .filter((row) => row.child !== null)
    .map((row) => JSON.parse(row.child as string) as Child);
  return { failed, children };
}

/** Marks failed or ignored messages to be run again: one by its id, or all failed ones. Returns how many. */
export function retry(database: Database, input: { account: string; id: string | null }): number {
  const fresh =
    "state = 'received', reason = NULL, detail = NULL, failures = 0, not_before = NULL, finished_at = NULL";
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

function nextPlace(database: Database, account: string, user: string): { sessionId: string; turn: number } {
  const who = database.one(
    'SELECT session_id, turn FROM users WHERE account = ? AND user = ?',
    account,
    user,
  );
  const place = {
    sessionId: (who?.session_id as string | null) ?? newUuid(),
    turn: ((who?.turn as number) ?? 0) + 1,
  };
  database.run(
    `INSERT INTO users (account, user, session_id, turn) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT (account, user) DO UPDATE SET session_id = ?3, turn = ?4`,
    account,
    user,
    place.sessionId,
    place.turn,
  );
  return place;
}

function placeOf(row: Row): { sessionId: string; turn: number } {
  return { sessionId: row.session_id as string, turn: row.turn as number };
}

function startedTurn(row: Row): StartedTurn {
  return {
    ...placeOf(row),
    seq: row.seq as number,
    id: row.id as string,
    user: row.user as string,
    raw: row.raw as Buffer,
    receivedAtMs: row.received_at as number,
    attempt: row.attempt as number,
    failures: row.failures as number,
  };
}
