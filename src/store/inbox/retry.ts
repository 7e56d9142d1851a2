import type { Database } from '../../sqlite/database.ts';

/**
 * Marks finished messages to be run again: one by its id, or all failed ones. Messages that were one turn are one
 * again. A command has nothing to run. Who asks again wants the whole answer again, so what was said before does not
 * count. Returns how many.
 */
export function retry(database: Database, input: { account: string; id: string | null }): number {
  const fresh =
    "state = 'received', reason = NULL, detail = NULL, failures = 0, not_before = NULL, finished_at = NULL, outputs = NULL, said = 0";
  if (input.id === null) {
    return database.run(`UPDATE inbox SET ${fresh} WHERE account = ? AND state = 'failed'`, input.account)
      .changes;
  }
  return database.run(
    `UPDATE inbox SET ${fresh} WHERE seq IN (
         SELECT rows.seq FROM inbox AS one JOIN inbox AS rows ON rows.seq = one.seq OR rows.burst = one.burst
           WHERE one.account = ? AND one.id = ?)
       AND state IN ('failed', 'ignored', 'superseded', 'done') AND reason IS NOT 'command'`,
    input.account,
    input.id,
  ).changes;
}
