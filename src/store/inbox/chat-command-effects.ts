import { BUDGET_MESSAGES, BUDGET_WINDOW_MS } from '../../core/message/budget.ts';
import type { Database, Row } from '../../sqlite/database.ts';
import { endSession, nextTurn } from '../accounts/sessions.ts';
import { OPEN } from '../outbox/part-states.ts';
import type { ChatCommand, ChatNotice, IntakeResult } from '../port/port.ts';
import { type Before, retry, supersede, turnColumn, UNFINISHED, unfinishedBefore } from './unfinished.ts';

/** Executes a chat command in the transaction that stores it. Returns the notice for the user. */
export function executeCommand(
  database: Database,
  command: ChatCommand,
  own: Before & { nowMs: number },
  result: Pick<IntakeResult, 'superseded' | 'again'>,
): ChatNotice {
  switch (command) {
    case 'stop': {
      const ended = supersede(database, own, { reason: 'stop', onlyStarted: false, nowMs: own.nowMs });
      result.superseded.push(...ended.map((row) => ({ seq: row.seq as number, user: own.user })));
      const dropped = ended.filter((row) => row.state === 'received').length;
      return { about: 'stop', ended: ended.length > dropped, dropped };
    }
    case 'new':
      return { about: 'new', unfinished: newSession(database, own) };
    case 'again':
      return runAgain(database, own, result);
    case 'status':
      return statusOf(database, own);
    case 'help':
      return { about: 'help' };
  }
}

/**
 * Ends the user's session: their next turn starts a new one. Unfinished messages from before get their turn in the old
 * session now, because a start would put them into the new one. Returns how many there are.
 */
export function newSession(database: Database, before: Before): number {
  const unfinished = unfinishedBefore(database, before);
  for (const row of unfinished) {
    if (row.session_id !== null) continue;
    const { sessionId, turn } = nextTurn(database, before);
    database.run(
      `UPDATE inbox SET session_id = ?, turn = ? WHERE ${turnColumn(row)} = ?`,
      sessionId,
      turn,
      row.seq as number,
    );
  }
  endSession(database, before);
  return unfinished.length;
}

function runAgain(
  database: Database,
  own: Before & { nowMs: number },
  result: Pick<IntakeResult, 'again'>,
): ChatNotice {
  const { account, user } = own;
  const { row, isBusy } = messageToRunAgain(database, own);
  if (!row) return { about: 'again', message: null, isBusy };
  // After `/new` it runs in the new session: the old one may be why it failed.
  database.run(
    `UPDATE inbox SET session_id = NULL, turn = NULL WHERE ${turnColumn(row)} = ?
       AND session_id IS NOT (SELECT session_id FROM users WHERE account = ? AND user = ?)`,
    (row.burst ?? row.seq) as number,
    account,
    user,
  );
  retry(database, { account, id: row.id as string });
  result.again.push({ seq: (row.burst ?? row.seq) as number, user });
  const message = { raw: row.raw as Buffer, textFrom: row.text_from as number };
  return { about: 'again', message, isBusy: false };
}

/**
 * The message that `/again` runs: the last one that failed. If a later message was answered, or was stopped (`/stop`),
 * after that failure: the last message, unless it is unfinished (`isBusy`).
 */
function messageToRunAgain(
  database: Database,
  { account, user, seq }: Before,
): { row?: Row; isBusy: boolean } {
  const lastWhere = (condition: string): Row | undefined =>
    database.one(
      `SELECT id, seq, burst, state, received_at, finished_at, raw, text_from FROM inbox
         WHERE account = ? AND user = ? AND seq < ? AND (${condition}) ORDER BY seq DESC LIMIT 1`,
      account,
      user,
      seq,
    );
  const last = lastWhere(
    `${UNFINISHED} OR state IN ('failed', 'superseded') OR (state = 'done' AND reason IS NULL)
       OR (state = 'ignored' AND reason = 'busy')`,
  );
  if (!last) return { isBusy: false };
  const isBusy = last.state === 'received' || last.state === 'waiting' || last.state === 'running';
  const failed = lastWhere("state = 'failed'");
  // An answered message may have been queued before the failure: then its user had not seen the failure.
  const actedAt = (last.state === 'done' ? last.received_at : last.finished_at) as number;
  const isPast = !isBusy && failed !== undefined && actedAt > (failed.finished_at as number);
  if (failed && !isPast) return { row: failed, isBusy: false };
  return isBusy ? { isBusy } : { row: last, isBusy };
}

function statusOf(database: Database, { account, user, nowMs }: Before & { nowMs: number }): ChatNotice {
  const { running, waiting } = database.one(
    `SELECT count(*) FILTER (WHERE state = 'running') AS running, count(*) FILTER (WHERE state <> 'running') AS waiting
       FROM inbox INDEXED BY inbox_unfinished WHERE account = ? AND ${UNFINISHED}`,
    account,
  ) as { running: number; waiting: number };
  const open = database.one(
    `SELECT count(*) FILTER (WHERE state <> 'sending') AS unsent, count(*) FILTER (WHERE state = 'held') AS held FROM parts
       WHERE account = ? AND user = ? AND ${OPEN}`,
    account,
    user,
  ) as { unsent: number; held: number };
  const userRow = database.one(
    'SELECT last_message_at, sent FROM users WHERE account = ? AND user = ?',
    account,
    user,
  );
  const spent = ((userRow?.sent as number | undefined) ?? 0) + open.unsent + 1;
  return {
    about: 'status',
    running,
    waiting,
    held: open.held,
    budgetLeft: Math.max(0, BUDGET_MESSAGES - spent),
    windowEndsAtMs: ((userRow?.last_message_at as number | null | undefined) ?? nowMs) + BUDGET_WINDOW_MS,
  };
}
