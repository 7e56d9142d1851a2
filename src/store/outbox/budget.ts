import { BUDGET_MESSAGES, BUDGET_WINDOW_MS } from '../../core/message/wechat-limits.ts';
import { sql, unindexed } from '../../sql/dialect.ts';
import { one, type Row, run, type Statement, type Step } from '../../sql/statement.ts';
import type { Budget, ClaimRequest, Outbox } from '../port/port.ts';
import { HELD, OPEN } from './part-states.ts';
import { type Claimant, LEASE_MS } from './user-lease.ts';

/** With so many messages left, the budget is near its end. */
export const BUDGET_NEAR_END = 2;
/** How many of the newest parts are searched for finished ones: no index covers those. */
export const RECENT_PARTS = 1_000;
/**
 * How many requests to the user ?2 of the account ?1 were accepted after the time ?3, or may have been, as SQL: of parts
 * that were accepted since or are not final, with their repeats, for the server may take those for other messages.
 */
export const REQUESTED_SINCE = `(SELECT COALESCE(sum(CASE WHEN finished_at <= ?3 THEN 0
    WHEN state IN ('confirmed', 'unconfirmed', 'sending') THEN 1 + repeats + unsure ELSE unsure END), 0)
  FROM (SELECT state, finished_at, repeats, unsure FROM parts WHERE account = ?1 AND "user" = ?2
    ORDER BY seq DESC LIMIT ${RECENT_PARTS}) AS newest)`;

/** Whether parts of the user ?2 of the account ?1 are held, as SQL. */
export const IS_HELD = `EXISTS (SELECT 1 FROM parts WHERE account = ?1 AND "user" = ?2 AND ${HELD})`;
/** How many of their parts are to be sent, as SQL. Where some are held, all are: there may be very many. */
export const UNSENT = sql`CASE WHEN ${IS_HELD} THEN 0 ELSE (SELECT count(*) FROM parts
  WHERE account = ?1 AND "user" = ?2 AND ${OPEN} AND ${unindexed('state')} <> 'sending') END`;

/** What the user may still get before they must write again. */
export function* budgetOf({ account, user, nowMs }: Parameters<Outbox['budget']>[0]): Step<Budget> {
  const row = yield* one(
    'SELECT last_message_at, sent FROM users WHERE account = ? AND "user" = ?',
    account,
    user,
  );
  const lastMessageAt = (row?.last_message_at as number | null | undefined) ?? null;
  const unsent = yield* one(sql`SELECT ${UNSENT} AS n`, account, user);
  const queued = Number(unsent?.n ?? 0);
  if (!row || lastMessageAt === null) return { left: 0, queued, isOpen: false };
  const left = budgetLeft(row);
  return { left, queued, isOpen: left > 0 && nowMs - lastMessageAt < BUDGET_WINDOW_MS };
}

/** Messages the user may still get; `user` is their row. */
export function budgetLeft(user: Row | undefined): number {
  return Math.max(0, BUDGET_MESSAGES - ((user?.sent as number | undefined) ?? 0));
}

/** Counts a request to a user against their budget, and takes the lease on them in the same write. */
export function countRequest({ account, user, nowMs }: ClaimRequest, claimant: Claimant): Statement<number> {
  return run(
    `UPDATE users SET sent = sent + 1, last_send_at = ?1, lease = ?2, lease_until = ?3
       WHERE account = ?4 AND "user" = ?5`,
    nowMs,
    claimant.id,
    nowMs + LEASE_MS,
    account,
    user,
  );
}

/** A definitely refused part has not used the budget, unless the user's new message has reset it meanwhile. */
export function* refundBudget(part: Row): Step<void> {
  yield* run(
    'UPDATE users SET sent = sent - 1 WHERE account = ? AND "user" = ? AND last_message_seq = ? AND sent > 0',
    part.account as string,
    part.user as string,
    part.seen_seq as number,
  );
}

/**
 * How many requests have used the budget since the user wrote, the one under way included; `user` is their row. Their
 * message may have arrived here after some of these, and the server counts those against it all the same.
 */
export function* spentBudget(user: Row): Step<number> {
  const row = yield* one(
    `SELECT ${REQUESTED_SINCE} AS n`,
    user.account as string,
    user.user as string,
    user.last_message_at as number,
  );
  return Math.max(user.sent as number, Number(row?.n));
}
