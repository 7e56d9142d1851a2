import type { Database } from '../../sqlite/database.ts';
import type { Child } from '../port/port.ts';

/** Records a process of an agent with its turn, or, where there is no `id`, until it is forgotten. */
export function recordChild(
  database: Database,
  { account, id, child }: { account: string; id: string | null; child: Child },
): void {
  if (id !== null) {
    database.run(
      'UPDATE inbox SET child = ? WHERE account = ? AND id = ?',
      JSON.stringify(child),
      account,
      id,
    );
    return;
  }
  database.run(
    'INSERT OR REPLACE INTO children (account, pid, start_time) VALUES (?, ?, ?)',
    account,
    child.pid,
    child.startTime,
  );
}

/** Forgets a process that was recorded without a turn. */
export function forgetChild(database: Database, { account, pid }: { account: string; pid: number }): void {
  database.run('DELETE FROM children WHERE account = ? AND pid = ?', account, pid);
}

/** Processes recorded without a turn and not forgotten since. */
export function lastingChildren(database: Database, account: string): Child[] {
  return database
    .all('SELECT pid, start_time FROM children WHERE account = ?', account)
    .map((row) => ({ pid: row.pid as number, startTime: row.start_time as string }));
}
