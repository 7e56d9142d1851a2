import { one, type Row, run, type Step } from '../../sql/statement.ts';
import { UNFINISHED } from '../outbox/part-states.ts';
import type { Before } from './unfinished.ts';

/**
 * Marks finished messages to be run again: one by its id, or all failed ones. Messages that were one turn are one
 * again. A command cannot run again. The user gets the whole reply again, so earlier outputs are forgotten. Returns how
 * many were marked.
 */
export function* requeue(input: { account: string; id: string | null }): Step<number> {
  const received =
    "state = 'received', reason = NULL, detail = NULL, failures = 0, not_before = NULL, finished_at = NULL, outputs = NULL, said = 0";
  if (input.id === null) {
    return yield* run(`UPDATE inbox SET ${received} WHERE account = ? AND state = 'failed'`, input.account);
  }
  return yield* run(
    `UPDATE inbox SET ${received} WHERE seq IN (
         SELECT rows.seq FROM inbox AS one JOIN inbox AS rows ON rows.seq = one.seq OR rows.burst = one.burst
           WHERE one.account = ? AND one.id = ?)
       AND state IN ('failed', 'ignored', 'superseded', 'done') AND reason IS DISTINCT FROM 'command'`,
    input.account,
    input.id,
  );
}

/** The last message of a user before a number for which a condition holds, as SQL. */
const lastWhere = (condition: string): string =>
  `SELECT id, seq, burst, state, received_at, finished_at, raw, text_from FROM inbox
     WHERE account = ? AND "user" = ? AND seq < ? AND (${condition}) ORDER BY seq DESC LIMIT 1`;
const LAST_FAILED = lastWhere("state = 'failed'");
const LAST_TO_RUN = lastWhere(
  `${UNFINISHED} OR state IN ('failed', 'superseded') OR (state = 'done' AND reason IS NULL)
     OR (state = 'ignored' AND reason = 'busy')`,
);

/**
 * The message that `/again` runs: the last one that failed. If a later message was answered, or was stopped (`/stop`),
 * after that failure: the last message, unless it is unfinished (`isBusy`).
 */
export function* messageToRunAgain({ account, user, seq }: Before): Step<{ row?: Row; isBusy: boolean }> {
  const last = yield* one(LAST_TO_RUN, account, user, seq);
  if (!last) return { isBusy: false };
  const isBusy = last.state === 'received' || last.state === 'waiting' || last.state === 'running';
  const failed = yield* one(LAST_FAILED, account, user, seq);
  // An answered message may have been queued before the failure: then its user had not seen the failure.
  const actedAt = (last.state === 'done' ? last.received_at : last.finished_at) as number;
  const isPast = !isBusy && failed !== undefined && actedAt > (failed.finished_at as number);
  if (failed && !isPast) return { row: failed, isBusy: false };
  return isBusy ? { isBusy } : { row: last, isBusy };
}
