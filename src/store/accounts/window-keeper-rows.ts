import type { ChatLanguage } from '../../core/message/language.ts';
import { BUDGET_MESSAGES, BUDGET_WINDOW_MS } from '../../core/message/wechat-limits.ts';
import type { WindowKeeper } from '../../core/message/window-keeper.ts';
import { all, one, type Row, run, type Step } from '../../sql/statement.ts';
import { HAS_ANSWER, IS_ASKED, noteAsked } from '../outbox/ask-for-word.ts';
import { RECENT_PARTS } from '../outbox/budget.ts';
import { OPEN } from '../outbox/part-states.ts';
import { appendParts, partsOf } from '../outbox/parts.ts';
import { NOTHING_QUEUED } from '../outbox/queue.ts';
import type { Admin, Outbox, QueuedParts, UserToAsk } from '../port/port.ts';

/** Stores how the users of an account are asked for a word; null: they are not. */
export function* setKeeper({ account, keeper }: Parameters<Admin['setKeeper']>[0]): Step<void> {
  yield* run(
    'UPDATE accounts SET keeper = ? WHERE account = ?',
    keeper === null ? null : JSON.stringify(keeper),
    account,
  );
}

/** How the users of an account are asked for a word; null: they are not. */
export function* keeperOf(account: string): Step<WindowKeeper | null> {
  return readKeeper(yield* one('SELECT keeper FROM accounts WHERE account = ?', account));
}

/** The keeper in a row of `accounts`. */
export function readKeeper(account: Row | undefined): WindowKeeper | null {
  const stored = (account?.keeper ?? null) as string | null;
  return stored === null ? null : (JSON.parse(stored) as WindowKeeper);
}

/** Users for whom something may come, as SQL: the owner; who has open parts; to whom `send` has written lately. */
const IS_KEPT = `("user" = (SELECT owner FROM accounts WHERE accounts.account = users.account)
  OR EXISTS (SELECT 1 FROM parts WHERE parts.account = users.account AND parts."user" = users."user" AND ${OPEN})
  OR EXISTS (SELECT 1 FROM parts WHERE parts.account = users.account AND parts."user" = users."user"
    AND parts.seq > (SELECT max(seq) FROM parts) - ${RECENT_PARTS} AND origin = 'send'))`;

/** Users whose window is open, and who were not asked in it. */
export function* usersToAsk({ account, nowMs }: { account: string; nowMs: number }): Step<UserToAsk[]> {
  return (yield* all(
    `SELECT "user", last_message_at, last_message_seq, language FROM users
       WHERE account = ? AND last_message_at > ? AND sent < ${BUDGET_MESSAGES} AND NOT ${IS_ASKED} AND ${IS_KEPT}`,
    account,
    nowMs - BUDGET_WINDOW_MS,
  )).map((row) => ({
    user: row.user as string,
    messageSeq: row.last_message_seq as number,
    windowEndsAtMs: (row.last_message_at as number) + BUDGET_WINDOW_MS,
    language: row.language as ChatLanguage | null,
  }));
}

/** Queues the part that asks for a word, unless they wrote or were asked, an answer is coming, or it would be held. */
export function* askForWord(input: Parameters<Outbox['askForWord']>[0]): Step<QueuedParts> {
  const { account, user } = input;
  const row = yield* one(
    `SELECT sent FROM users WHERE account = ?1 AND "user" = ?2 AND last_message_seq = ?3 AND NOT ${IS_ASKED}
       AND sent < ${BUDGET_MESSAGES} AND NOT ${HAS_ANSWER}
       AND NOT EXISTS (SELECT 1 FROM parts WHERE account = ?1 AND "user" = ?2 AND state = 'held')`,
    ...[account, user, input.messageSeq],
  );
  if (!row) return NOTHING_QUEUED;
  yield* noteAsked(account, user);
  const { seqs } = yield* appendParts({ account, user, message: null, nowMs: input.nowMs }, [input.part]);
  return { held: (yield* partsOf(seqs)).filter(({ state }) => state === 'held'), claim: null };
}
