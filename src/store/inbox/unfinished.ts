import { indexedBy, sql } from '../../sql/dialect.ts';
import { all, type Row, run, type Step } from '../../sql/statement.ts';
import { UNFINISHED } from '../outbox/part-states.ts';
import type { LaneEntry } from '../port/port.ts';

/** Of messages that are one turn, only the first, as SQL: it represents the turn. */
export const FIRST_OF_TURN = '(burst IS NULL OR burst = seq)';

/** The column that has the number of this first message in every row of its turn, which may have several (`--merge`). */
export function turnColumn(first: Row): 'burst' | 'seq' {
  return first.burst === null ? 'seq' : 'burst';
}

const NOT_STARTED = `SELECT seq, "user", not_before FROM inbox
  WHERE account = ? AND ${UNFINISHED} AND state <> 'running' AND untriaged = 0 AND ${FIRST_OF_TURN} ORDER BY seq`;

/** All messages whose turn has not started, in order of arrival; untriaged ones are not among them. */
export function* unfinished(account: string): Step<LaneEntry[]> {
  return (yield* all(NOT_STARTED, account)).map((row) => ({
    seq: row.seq as number,
    user: row.user as string,
    notBeforeMs: row.not_before as number | null,
  }));
}

/** The content of all unfinished messages. */
export function* unfinishedContent(account: string): Step<{ user: string; raw: Buffer }[]> {
  return (yield* all(`SELECT "user", raw FROM inbox WHERE account = ? AND ${UNFINISHED}`, account)).map(
    (row) => ({ user: row.user as string, raw: row.raw as Buffer }),
  );
}

/** The messages of a user before the number `seq`. */
export interface Before {
  account: string;
  user: string;
  seq: number;
}

// Without the index SQLite would read every message of the user.
const UNFINISHED_BEFORE = sql`SELECT seq, state, burst, session_id FROM inbox ${indexedBy('inbox_unfinished')}
  WHERE account = ? AND ${UNFINISHED} AND "user" = ? AND seq < ? ORDER BY seq`;

/** The user's unfinished messages before this one, oldest first. Messages that are one turn count as one: the first. */
export function* unfinishedBefore({ account, user, seq }: Before): Step<Row[]> {
  const rows = yield* all(UNFINISHED_BEFORE, account, user, seq);
  return rows.filter((row) => row.burst === null || row.burst === row.seq);
}

/**
 * Ends the user's unfinished messages before this one; the caller ends their running turns. `onlyStarted` spares those
 * that never ran. Returns the ended ones.
 */
export function* supersede(
  before: Before,
  how: { reason: string; onlyStarted: boolean; nowMs: number },
): Step<Row[]> {
  const rows = (yield* unfinishedBefore(before)).filter(
    (row) => !how.onlyStarted || row.state !== 'received',
  );
  for (const row of rows) {
    yield* run(
      `UPDATE inbox SET state = 'superseded', reason = ?, not_before = NULL, finished_at = ? WHERE ${turnColumn(row)} = ?`,
      ...[how.reason, how.nowMs, row.seq as number],
    );
  }
  return rows;
}
