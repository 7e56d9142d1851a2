import { WxError } from '../../core/errors.ts';
import { BUDGET_MESSAGES } from '../../core/message/verdict.ts';
import type { Database, Row } from '../../sqlite/database.ts';
import type { PartView, Verdict } from '../port/port.ts';
import { partView } from './parts.ts';

/** What is known of a part as it stands now; `held` are the parts of its user that were put on hold with it. */
export function verdictOf(
  database: Database,
  seq: number,
  waitMs: number | null,
  held: PartView[] = [],
): Verdict {
  const part = partView(database, seq);
  if (!part) throw new WxError('internal', `there is no part ${seq}`);
  const who = database.one('SELECT sent FROM users WHERE account = ? AND user = ?', part.account, part.user);
  return {
    part,
    waitMs,
    held: held.filter((other) => other.seq !== seq),
    budgetLeft: budgetLeft(who),
    next: null,
  };
}

/** Messages the user may still get; `who` is their row. */
export function budgetLeft(who: Row | undefined): number {
  return Math.max(0, BUDGET_MESSAGES - ((who?.sent as number | undefined) ?? 0));
}
