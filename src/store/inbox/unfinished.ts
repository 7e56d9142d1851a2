import type { Database, Row } from '../../sqlite/database.ts';

/** Messages that are not finished, as SQL: in these very words, for the sake of their index. */
export const UNFINISHED = "state IN ('received', 'waiting', 'running')";

/** Whose messages, and up to which (exclusively). */
export interface Before {
  account: string;
  user: string;
  seq: number;
}

/** The user's unfinished messages before this one, oldest first. All that are one turn (`--merge`) count as one: the first. */
export function waitingBefore(database: Database, before: Before): Row[] {
  return unfinishedRows(database, before).filter((row) => row.burst === null || row.burst === row.seq);
}

/**
 * Ends the user's unfinished messages before this one for good; what is at work of them is for the caller to end.
 * `onlyStarted` leaves those alone that never ran. Returns those that have ended.
 */
export function supersede(
  database: Database,
  before: Before,
  how: { reason: string; onlyStarted: boolean; nowMs: number },
): Row[] {
  const rows = waitingBefore(database, before).filter((row) => !how.onlyStarted || row.state !== 'received');
  for (const row of rows) {
    database.run(
      `UPDATE inbox SET state = 'superseded', reason = ?, not_before = NULL, finished_at = ? WHERE ${rowsOf(row)} = ?`,
      how.reason,
      how.nowMs,
      row.seq as number,
    );
  }
  return rows;
}

/** The column that holds this number in every row of a turn: it may have begun with several messages. */
export function rowsOf(first: Row): 'burst' | 'seq' {
  return first.burst === null ? 'seq' : 'burst';
}

function unfinishedRows(database: Database, { account, user, seq }: Before): Row[] {
  // Left alone, SQLite would read all that the user ever wrote.
  return database.all(
    `SELECT seq, state, burst, session_id FROM inbox INDEXED BY inbox_unfinished
       WHERE account = ? AND ${UNFINISHED} AND user = ? AND seq < ? ORDER BY seq`,
    account,
    user,
    seq,
  );
}
