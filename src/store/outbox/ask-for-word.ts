import type { ChatLanguage } from '../../core/message/language.ts';
import { BUDGET_WINDOW_MS } from '../../core/message/wechat-limits.ts';
import { one, type Row, run, type Step } from '../../sql/statement.ts';
import type { ClaimRequest, NewPart } from '../port/port.ts';
import { BUDGET_NEAR_END, budgetLeft } from './budget.ts';
import { OPEN, UNFINISHED } from './part-states.ts';

/** Whether the user was asked since they last wrote, as SQL. */
export const IS_ASKED = 'COALESCE(asked_seq, 0) = last_message_seq';

/** An answer that comes, or may come, to a user: it must not lose its place to a question. */
export const HAS_ANSWER = `(EXISTS (SELECT 1 FROM inbox WHERE account = ?1 AND "user" = ?2 AND ${UNFINISHED})
  OR EXISTS (SELECT 1 FROM parts WHERE account = ?1 AND "user" = ?2 AND ${OPEN} AND origin = 'answer'))`;

/** The part that asks for a word while the budget still has parts for what waits. null: not now. `head` would go now. */
export function* wordBeforeTheLast(head: Row, request: ClaimRequest): Step<NewPart | null> {
  const left = budgetLeft(head);
  const mayAsk = request.ask && head.origin !== 'answer' && head.state !== 'sending' && left > 0;
  if (!mayAsk || left > BUDGET_NEAR_END) return null;
  const { account, user, nowMs } = request;
  const row = yield* one(
    `SELECT language, (SELECT count(*) FROM parts WHERE account = ?1 AND "user" = ?2 AND ${OPEN}) AS waiting
       FROM users WHERE account = ?1 AND "user" = ?2 AND last_message_at > ?3 AND NOT ${IS_ASKED} AND NOT ${HAS_ANSWER}`,
    ...[account, user, nowMs - BUDGET_WINDOW_MS],
  );
  if (!row || Number(row.waiting) <= left) return null;
  yield* noteAsked(account, user);
  return request.ask?.(row.language as ChatLanguage | null) ?? null;
}

/** Whether a user was asked since they last wrote. */
export function* isAsked(account: string, user: string): Step<boolean> {
  const sql = `SELECT 1 FROM users WHERE account = ? AND "user" = ? AND ${IS_ASKED}`;
  return (yield* one(sql, account, user)) !== undefined;
}

/** Notes that a user is asked for a word. */
export function* noteAsked(account: string, user: string): Step<void> {
  yield* run('UPDATE users SET asked_seq = last_message_seq WHERE account = ? AND "user" = ?', account, user);
}
