import { turnRetryDelayMs } from '../../core/time/backoff.ts';
import { all, type Row, run, type Step } from '../../sql/statement.ts';
import { FIRST_OF_TURN, turnColumn } from '../inbox/unfinished.ts';
import { UNFINISHED } from '../outbox/part-states.ts';
import type { Child, StartedTurn, Turns } from '../port/port.ts';
import { messagesOf, STARTED, startedTurn } from './turns.ts';

const START_OVER = `UPDATE inbox SET not_before = ?1
  WHERE account = ?2 AND ${UNFINISHED} AND state = 'waiting' AND started_at > ?1`;
const RUNNING = `SELECT ${STARTED}
  WHERE inbox.account = ? AND ${UNFINISHED} AND state = 'running' AND ${FIRST_OF_TURN} ORDER BY seq`;

/**
 * Puts back what a dead runner left: its leases and its running messages. The first that dies is no fault of a message,
 * which runs again at once. From the second on, the message may be what kills them: each counts as a failure, with the usual
 * delay from its start. One that has used up its retries is returned in `failed`, still `running`, for the caller to finish
 * with a notice.
 */
export function* recover(
  input: Parameters<Turns['recover']>[0],
): Step<{ failed: StartedTurn[]; children: Child[] }> {
  const { account, retries, nowMs } = input;
  yield* run('UPDATE users SET lease = NULL WHERE account = ? AND lease = ?', account, input.former);
  // A turn that started in the future started before the clock was set back: its delay cannot be known any more.
  yield* run(START_OVER, nowMs, account);
  const rows = yield* all(RUNNING, account);
  const failed: StartedTurn[] = [];
  for (const row of rows) {
    const before = row.failures as number;
    // Whoever wants no retries wants none here, either.
    const isForgiven = retries > 0 && !wasBrokenOff(row);
    const failures = before + (isForgiven ? 0 : 1);
    if (failures > retries) {
      failed.push(startedTurn(row, row.burst === null ? [row] : yield* messagesOf(row)));
      continue;
    }
    const startedAt = Math.min((row.started_at as number | null) ?? nowMs, nowMs);
    yield* run(
      `UPDATE inbox SET state = 'waiting', failures = ?, not_before = ? WHERE ${turnColumn(row)} = ?`,
      ...[failures, isForgiven ? nowMs : startedAt + turnRetryDelayMs(failures), row.seq as number],
    );
  }
  return { failed, children: yield* recordedChildren(account) };
}

/** Whether an earlier attempt has ended neither with an answer nor as a failure: its runner died, or was stopped. */
function wasBrokenOff({ attempt, failures }: Row): boolean {
  return (attempt as number) - (failures as number) > 1;
}

/** Records a child process with its message, or, where there is no `id`, until it is forgotten. */
export function* recordChild({ account, id, child }: Parameters<Turns['recordChild']>[0]): Step<void> {
  if (id !== null) {
    yield* run('UPDATE inbox SET child = ? WHERE account = ? AND id = ?', JSON.stringify(child), account, id);
    return;
  }
  yield* run(
    `INSERT INTO children (account, pid, start_time) VALUES (?, ?, ?)
       ON CONFLICT (account, pid) DO UPDATE SET start_time = excluded.start_time`,
    ...[account, child.pid, child.startTime],
  );
}

/** Forgets a process that was recorded without a message. On another machine one of the same number may run. */
export function* forgetChild({ account, child }: { account: string; child: Child }): Step<void> {
  yield* run(
    'DELETE FROM children WHERE account = ? AND pid = ? AND start_time = ?',
    ...[account, child.pid, child.startTime],
  );
}

/** All recorded processes. Those of superseded messages are among them: their turns end when the agent has ended. */
function* recordedChildren(account: string): Step<Child[]> {
  const ofMessages = (yield* all(
    'SELECT child FROM inbox WHERE account = ? AND child IS NOT NULL',
    account,
  )).map((row) => JSON.parse(row.child as string) as Child);
  const others = (yield* all('SELECT pid, start_time FROM children WHERE account = ?', account)).map(
    (row) => ({ pid: row.pid as number, startTime: row.start_time as string }),
  );
  return [...ofMessages, ...others];
}
