import { BUDGET_MESSAGES, BUDGET_WINDOW_MS } from '../../core/message/wechat-limits.ts';
import { indexedBy, sql } from '../../sql/dialect.ts';
import { one, run, type Step, unawaited } from '../../sql/statement.ts';
import { endSession, nextTurn, userSession } from '../accounts/sessions.ts';
import { OPEN, UNFINISHED } from '../outbox/part-states.ts';
import type { ChatCommand, ChatNotice, IntakeResult } from '../port/port.ts';
import { messageToRunAgain, requeue } from './requeue.ts';
import { type Before, supersede, turnColumn, unfinishedBefore } from './unfinished.ts';

/** Executes a chat command in the transaction that stores it. Returns the notice for the user. */
export function* executeCommand(
  command: ChatCommand,
  own: Before & { nowMs: number },
  result: Pick<IntakeResult, 'superseded' | 'again'>,
): Step<ChatNotice> {
  switch (command) {
    case 'stop': {
      const ended = yield* supersede(own, { reason: 'stop', onlyStarted: false, nowMs: own.nowMs });
      result.superseded.push(...ended.map((row) => ({ seq: row.seq as number, user: own.user })));
      const dropped = ended.filter((row) => row.state === 'received').length;
      return { about: 'stop', ended: ended.length > dropped, dropped };
    }
    case 'new':
      return { about: 'new', unfinished: yield* newSession(own) };
    case 'again':
      return yield* runAgain(own, result);
    case 'status':
      return yield* statusOf(own);
    case 'help':
      return { about: 'help' };
  }
}

/**
 * Ends the user's session: their next turn starts a new one. Unfinished messages from before get their turn in the old
 * session now, because a start would put them into the new one. Returns how many there are.
 */
export function* newSession(before: Before): Step<number> {
  const unfinished = yield* unfinishedBefore(before);
  let session = yield* userSession(before);
  for (const row of unfinished) {
    if (row.session_id !== null) continue;
    const { sessionId, turn } = yield* nextTurn(before, session);
    yield* unawaited(
      run(
        `UPDATE inbox SET session_id = ?, turn = ? WHERE ${turnColumn(row)} = ?`,
        ...[sessionId, turn, row.seq as number],
      ),
    );
    session = { sessionId, turn };
  }
  yield* endSession(before);
  return unfinished.length;
}

function* runAgain(own: Before & { nowMs: number }, result: Pick<IntakeResult, 'again'>): Step<ChatNotice> {
  const { account, user } = own;
  const { row, isBusy } = yield* messageToRunAgain(own);
  if (!row) return { about: 'again', message: null, isBusy };
  // After `/new` it runs in the new session: the old one may be why it failed.
  yield* run(
    `UPDATE inbox SET session_id = NULL, turn = NULL WHERE ${turnColumn(row)} = ?
       AND session_id IS DISTINCT FROM (SELECT session_id FROM users WHERE account = ? AND "user" = ?)`,
    ...[(row.burst ?? row.seq) as number, account, user],
  );
  yield* requeue({ account, id: row.id as string });
  result.again.push({ seq: (row.burst ?? row.seq) as number, user });
  const message = { raw: row.raw as Buffer, textFrom: row.text_from as number };
  return { about: 'again', message, isBusy: false };
}

const UNFINISHED_COUNTS = sql`SELECT count(*) FILTER (WHERE state = 'running') AS running,
    count(*) FILTER (WHERE state <> 'running') AS waiting
  FROM inbox ${indexedBy('inbox_unfinished')} WHERE account = ? AND ${UNFINISHED}`;

function* statusOf({ account, user, nowMs }: Before & { nowMs: number }): Step<ChatNotice> {
  const { running, waiting } = (yield* one(UNFINISHED_COUNTS, account)) as {
    running: number;
    waiting: number;
  };
  const open = (yield* one(
    `SELECT count(*) FILTER (WHERE state <> 'sending') AS unsent, count(*) FILTER (WHERE state = 'held') AS held FROM parts
       WHERE account = ? AND "user" = ? AND ${OPEN}`,
    account,
    user,
  )) as { unsent: number; held: number };
  const userRow = yield* one(
    'SELECT last_message_at, sent FROM users WHERE account = ? AND "user" = ?',
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
