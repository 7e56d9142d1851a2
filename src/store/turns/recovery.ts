import { turnRetryDelayMs } from '../../core/time/backoff.ts';
import type { Database } from '../../sqlite/database.ts';
import { FIRST_OF_TURN, turnColumn, UNFINISHED } from '../inbox/unfinished.ts';
import type { Child, StartedTurn } from '../port/port.ts';
import { STARTED, startedTurn } from './turns.ts';

/**
 * Puts back what a dead runner left: its leases and its running messages. The crash counts as a failure (contract 4): a
 * message waits the usual delay from its start. One that has used up its retries is returned in `failed`, still
 * `running`, for the caller to finish with a notice.
 */
export function recover(
  database: Database,
  input: { account: string; former: string | null; retries: number; nowMs: number },
): { failed: StartedTurn[]; children: Child[] } {
  const { account, retries, nowMs } = input;
  database.run('UPDATE users SET lease = NULL WHERE account = ? AND lease = ?', account, input.former);
  // A turn that started in the future started before the clock was set back: its delay cannot be known any more.
  database.run(
    `UPDATE inbox SET not_before = ?1 WHERE account = ?2 AND ${UNFINISHED} AND +state = 'waiting' AND started_at > ?1`,
    nowMs,
    account,
  );
  const rows = database.all(
    `SELECT ${STARTED}, started_at FROM inbox
       WHERE account = ? AND ${UNFINISHED} AND +state = 'running' AND ${FIRST_OF_TURN} ORDER BY seq`,
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
      `UPDATE inbox SET state = 'waiting', failures = ?, not_before = ? WHERE ${turnColumn(row)} = ?`,
      failures,
      startedAt + turnRetryDelayMs(failures),
      row.seq as number,
    );
  }
  return { failed, children: recordedChildren(database, account) };
}

/** Records a child process with its message, or, where there is no `id`, until it is forgotten. */
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

/** Forgets a process that was recorded without a message. */
export function forgetChild(database: Database, { account, pid }: { account: string; pid: number }): void {
  database.run('DELETE FROM children WHERE account = ? AND pid = ?', account, pid);
}

/** All recorded processes. Those of superseded messages are among them: their turns end when the agent has ended. */
function recordedChildren(database: Database, account: string): Child[] {
  const ofMessages = database
    .all('SELECT child FROM inbox WHERE account = ? AND child IS NOT NULL', account)
    .map((row) => JSON.parse(row.child as string) as Child);
  const others = database
    .all('SELECT pid, start_time FROM children WHERE account = ?', account)
    .map((row) => ({ pid: row.pid as number, startTime: row.start_time as string }));
  return [...ofMessages, ...others];
}
