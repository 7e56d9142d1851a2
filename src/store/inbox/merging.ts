import type { Database, Row } from '../../sqlite/database.ts';
import { UNFINISHED } from './unfinished.ts';

/**
 * Makes one turn of a message that is about to start and of those of its user that follow, each within `mergeMs` of
 * the one before as he wrote them (`--merge`). When to look again, while he has not been quiet for that long; null
 * when the turn may start.
 */
export function gather(database: Database, first: Row, mergeMs: number, nowMs: number): number | null {
  const waiting = database.all(
    `SELECT seq, COALESCE(created_at, received_at) AS written_at, received_at
       FROM inbox INDEXED BY inbox_unfinished WHERE account = ? AND ${UNFINISHED} AND +state = 'received'
         AND user = ? AND seq >= ? AND attempt = 0 AND burst IS NULL AND session_id IS ? AND untriaged = 0 ORDER BY seq`,
    first.account as string,
    first.user as string,
    first.seq as number,
    first.session_id as string | null,
  );
  const writtenAt = waiting.map((row) => row.written_at as number);
  const pause = writtenAt.findIndex((at, n) => at - (writtenAt[n - 1] ?? at) > mergeMs);
  const burst = pause < 0 ? waiting : waiting.slice(0, pause);
  const last = burst.at(-1)?.received_at as number;
  // A time in the future counts as long past: the clock was set back, and nobody is to wait for that.
  const isQuiet = pause >= 0 || nowMs - last >= mergeMs || nowMs < last;
  if (!isQuiet) return last + mergeMs;
  if (burst.length === 1) return null;
  first.burst = first.seq as number;
  for (const row of burst) {
    database.run('UPDATE inbox SET burst = ? WHERE seq = ?', first.seq as number, row.seq as number);
  }
  return null;
}
