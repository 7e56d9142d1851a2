import { WxError } from '../../core/errors.ts';
import { newClientId } from '../../core/ids.ts';
import { judgeRefusal } from '../../core/message/verdict.ts';
import type { Database, Row } from '../../sqlite/database.ts';
import type { PartView, Verdict } from '../port/port.ts';
import { acceptedSince, budgetLeft, refundBudget } from './budget.ts';
import { holdUser } from './holds.ts';
import { partView } from './parts.ts';
import { recordThrottled } from './rate-limit.ts';

const FIVE_MINUTES_MS = 300_000;

/** The verdict on a part in its present state; `held` are the parts of its user that were put on hold with it. */
export function verdictOf(
  database: Database,
  seq: number,
  waitMs: number | null,
  held: PartView[] = [],
): Verdict {
  const part = partView(database, seq);
  if (!part) throw new WxError('internal', `there is no part ${seq}`);
  const user = database.one('SELECT sent FROM users WHERE account = ? AND user = ?', part.account, part.user);
  return {
    part,
    waitMs,
    held: held.filter((other) => other.seq !== seq),
    budgetLeft: budgetLeft(user),
    next: null,
  };
}

/** Commits what a refusal by the server means (protocol 8): the part is held, tried again, or refused for good. */
export function settleRefusal(
  database: Database,
  part: Row,
  reply: { code: number; errmsg: string },
  nowMs: number,
): Verdict {
  const account = part.account as string;
  const user = part.user as string;
  const seq = part.seq as number;
  const userRow = database.one('SELECT * FROM users WHERE account = ? AND user = ?', account, user);
  const accountRow = database.one(
    'SELECT recent_sends, throttle_step, throttle_until FROM accounts WHERE account = ?',
    account,
  );
  const recent = JSON.parse((accountRow?.recent_sends as string | undefined) ?? '[]') as number[];
  const lastMessageAt = (userRow?.last_message_at as number | null | undefined) ?? null;
  const judgement = judgeRefusal({
    ...reply,
    userWroteSince: ((userRow?.last_message_seq as number | undefined) ?? 0) > (part.seen_seq as number),
    sentSinceMessage: userRow ? Math.max((userRow.sent as number) - 1, acceptedSince(database, userRow)) : 0,
    messageAgeMs: lastMessageAt === null ? null : nowMs - lastMessageAt,
    sentLastSecond: recent.filter((at) => at > nowMs - 1_000).length,
    sentLastFiveMinutes: recent.filter((at) => at > nowMs - FIVE_MINUTES_MS).length,
    isThrottled: ((accountRow?.throttle_step as number | undefined) ?? 0) > 0,
    // An accepted request ends the throttle of the account, so a step of 0 proves that it is over.
    provenUnthrottled: part.throttled === 1 && accountRow?.throttle_step === 0,
    tries: (part.tries as number) + 1,
    doubtsReference: part.has_upload === 1 && part.tries === 0,
  });
  if (judgement.kind === 'refused') return refuse(database, part, judgement.reason, nowMs);
  refundBudget(database, part);
  const { waitMs, uploadsAgain = false } = judgement.kind === 'again' ? judgement : { waitMs: 0 };
  // After a definite refusal the request may change: newer token, new client id, new upload (design 3). A hold that the
  // user ends uploads anew in any case. A repeat that was refused may have arrived at an earlier try: the server
  // recognises it only by its client id, which therefore stays.
  const isUnsure = part.unsure === 1 || part.repeats !== 0;
  database.run(
    `UPDATE parts SET state = 'queued', body = NULL, upload = CASE WHEN ? THEN NULL ELSE upload END, client_id = ?,
       unsure = ?, tries = tries + 1, repeats = 0, not_before = ?, reason = ? WHERE seq = ?`,
    uploadsAgain ? 1 : 0,
    isUnsure ? (part.client_id as string) : newClientId(),
    isUnsure ? 1 : 0,
    nowMs + waitMs,
    `code ${reply.code}`,
    seq,
  );
  if (judgement.kind === 'again') return verdictOf(database, seq, waitMs);
  const held = holdUser(database, { account, user, reason: judgement.reason, nowMs });
  if (judgement.reason !== 'throttle') return verdictOf(database, seq, null, held);
  database.run('UPDATE parts SET throttled = 1 WHERE seq = ?', seq);
  const sentAtMs = (userRow?.last_send_at as number | undefined) ?? 0;
  const throttleMs = recordThrottled(database, accountRow, { account, sentAtMs, nowMs });
  return verdictOf(database, seq, throttleMs, held);
}

/** Commits that a part will not be sent. */
export function refuse(database: Database, part: Row, reason: string, nowMs: number): Verdict {
  refundBudget(database, part);
  database.run(
    "UPDATE parts SET state = 'refused', reason = ?, body = NULL, finished_at = ? WHERE seq = ?",
    reason,
    nowMs,
    part.seq as number,
  );
  return verdictOf(database, part.seq as number, null);
}
