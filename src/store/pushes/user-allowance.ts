import type { ChatLanguage } from '../../core/message/language.ts';
import { BUDGET_WINDOW_MS } from '../../core/message/wechat-limits.ts';
import { sql } from '../../sql/dialect.ts';
import { one, type Row, run, type Step } from '../../sql/statement.ts';
import { budgetLeft, IS_HELD, UNSENT } from '../outbox/budget.ts';
import type { Room } from './source-rule.ts';

/** What tells the room of the user ?2 of the account ?1, as columns: of `users`, and of their parts. */
export const ROOM = sql`users.sent AS user_sent, users.last_message_at, users.language,
  CASE WHEN ${IS_HELD} THEN 1 ELSE 0 END AS is_held, ${UNSENT} AS queued`;
const OF_USER = sql`SELECT ${ROOM} FROM (SELECT 1 AS one) AS this
  LEFT JOIN users ON users.account = ?1 AND users."user" = ?2`;

/** What the user may get, parts that are queued left out. A window that is shut has room for a try. */
export function roomIn(row: Row, nowMs: number): Room {
  const lastMessageAt = row.last_message_at as number | null;
  const left = budgetLeft({ sent: row.user_sent ?? 0 });
  const queued = Number(row.queued);
  const isHeld = Number(row.is_held) === 1;
  const isOpen = left > 0 && lastMessageAt !== null && nowMs - lastMessageAt < BUDGET_WINDOW_MS;
  if (isOpen || (lastMessageAt !== null && left === 0)) return { left: left - queued, isHeld };
  return { left: Number.POSITIVE_INFINITY, isHeld: isHeld || queued > 0 };
}

export function* roomOf({ account, user }: { account: string; user: string }): Step<Row> {
  return (yield* one(OF_USER, account, user)) as Row;
}

/** The language of a row with a {@link ROOM}. */
export function languageIn(row: Row): ChatLanguage | null {
  return row.language as ChatLanguage | null;
}

/** How many pushes of sources were not kept; from now on they are told. */
export function* takeUncounted(rows: readonly Row[]): Step<number> {
  const counted = rows.filter((row) => Number(row.uncounted) > 0);
  for (const { name } of counted)
    yield* run('UPDATE sources SET uncounted = 0 WHERE name = ?', name as string);
  return counted.reduce((sum, row) => sum + Number(row.uncounted), 0);
}

/** When texts of a source went, for its limit: oldest first. */
export function sentOf(source: Row): number[] {
  return JSON.parse(source.sent as string) as number[];
}

/** Notes that a text of these sources goes, for those with a limit. */
export function* noteText(sources: readonly Row[], nowMs: number): Step<void> {
  for (const row of sources) {
    if (row.limit_count === null) continue;
    const sent = [...sentOf(row).filter((ms) => ms > nowMs - Number(row.limit_ms)), nowMs];
    row.sent = JSON.stringify(sent.slice(-Number(row.limit_count)));
    yield* run('UPDATE sources SET sent = ? WHERE name = ?', row.sent, row.name as string);
  }
}
