import { BUDGET_MESSAGES, BUDGET_WINDOW_MS } from '../../core/message/verdict.ts';
import type { Database, Row } from '../../sqlite/database.ts';
import { OPEN } from '../outbox/parts.ts';
import type { ChatCommand, ChatNotice, IntakeResult, TurnMessage } from '../port/port.ts';
import { retry } from './retry.ts';
import { nextPlace } from './session-position.ts';
import { type Before, rowsOf, supersede, UNFINISHED, waitingBefore } from './unfinished.ts';

/** Does what a chat command asks for, in the step that stores it. Returns what the user is told. */
export function obey(
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
      return again(database, own, result);
    case 'status':
      return statusOf(database, own);
    case 'help':
      return { about: 'help' };
  }
}

/**
 * The user's next turn begins a session. What was written before takes its place in the old one now, since it would
 * take it only when it starts. Returns how many such messages are unfinished.
 */
export function newSession(database: Database, before: Before): number {
  const { account, user } = before;
  const unfinished = waitingBefore(database, before);
  for (const row of unfinished) {
    if (row.session_id !== null) continue;
    const { sessionId, turn } = nextPlace(database, before);
    database.run(
      `UPDATE inbox SET session_id = ?, turn = ? WHERE ${rowsOf(row)} = ?`,
      sessionId,
      turn,
      row.seq as number,
    );
  }
  database.run('UPDATE users SET session_id = NULL, turn = 0 WHERE account = ? AND user = ?', account, user);
  return unfinished.length;
}

function again(
  database: Database,
  own: Before & { nowMs: number },
  result: Pick<IntakeResult, 'again'>,
): ChatNotice {
  const { account, user } = own;
  const { row, isBusy } = toRunAgain(database, own);
  if (!row) return { about: 'again', message: null, isBusy };
  // Whoever began a new session wants it there: the old one may be why it failed.
  database.run(
    `UPDATE inbox SET session_id = NULL, turn = NULL WHERE ${rowsOf(row)} = ?
       AND session_id IS NOT (SELECT session_id FROM users WHERE account = ? AND user = ?)`,
    (row.burst ?? row.seq) as number,
    account,
    user,
  );
  retry(database, { account, id: row.id as string });
  result.again.push({ seq: (row.burst ?? row.seq) as number, user });
  return { about: 'again', message: runAgain(row), isBusy: false };
}

/**
 * The last message that failed, unless the user has gone on after that: a later message was answered, or ended
 * without an answer (`/stop`). Then the last one, which may be at work.
 */
function toRunAgain(database: Database, { account, user, seq }: Before): { row?: Row; isBusy: boolean } {
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
  // One that was answered may have waited behind the failure; who stops one knows of the failure before.
  const goneOnAt = (last.state === 'done' ? last.received_at : last.finished_at) as number;
  const isPast = !isBusy && failed !== undefined && goneOnAt > (failed.finished_at as number);
  if (failed && !isPast) return { row: failed, isBusy: false };
  return isBusy ? { isBusy } : { row: last, isBusy };
}

function runAgain(row: Row): TurnMessage {
  return { raw: row.raw as Buffer, textFrom: row.text_from as number };
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
  const who = database.one(
    'SELECT last_message_at, sent FROM users WHERE account = ? AND user = ?',
    account,
    user,
  );
  const spent = ((who?.sent as number | undefined) ?? 0) + open.unsent + 1;
  return {
    about: 'status',
    running,
    waiting,
    held: open.held,
    budgetLeft: Math.max(0, BUDGET_MESSAGES - spent),
    windowEndsAtMs: ((who?.last_message_at as number | null | undefined) ?? nowMs) + BUDGET_WINDOW_MS,
  };
}
