import { newClientId } from '../../core/ids.ts';
import { judgeRefusal } from '../../core/message/verdict.ts';
import type { Database, Row } from '../../sqlite/database.ts';
import type { Verdict } from '../port/port.ts';
import { holdUser } from './holds.ts';
import { acceptedSince } from './parts.ts';
import { noteThrottled } from './throttle.ts';
import { verdictOf } from './verdict.ts';

const FIVE_MINUTES_MS = 300_000;

/** Commits what a refusal by the server means (protocol 8): held, tried again, or refused for good. */
export function settleRefusal(
  database: Database,
  part: Row,
  reply: { code: number; errmsg: string },
  nowMs: number,
): Verdict {
  const account = part.account as string;
  const user = part.user as string;
  const seq = part.seq as number;
  const who = database.one('SELECT * FROM users WHERE account = ? AND user = ?', account, user);
  const owner = database.one(
    'SELECT recent_sends, throttle_step, throttle_until FROM accounts WHERE account = ?',
    account,
  );
  const recent = JSON.parse((owner?.recent_sends as string | undefined) ?? '[]') as number[];
  const lastMessageAt = (who?.last_message_at as number | null | undefined) ?? null;
  const judgement = judgeRefusal({
    ...reply,
    userWroteSince: ((who?.last_message_seq as number | undefined) ?? 0) > (part.seen_seq as number),
    sentSinceMessage: who ? Math.max((who.sent as number) - 1, acceptedSince(database, who)) : 0,
    messageAgeMs: lastMessageAt === null ? null : nowMs - lastMessageAt,
    sentLastSecond: recent.filter((at) => at > nowMs - 1_000).length,
    sentLastFiveMinutes: recent.filter((at) => at > nowMs - FIVE_MINUTES_MS).length,
    isThrottled: ((owner?.throttle_step as number | undefined) ?? 0) > 0,
    // A success ends the throttle of the account, so its step says whether there was one.
    provenUnthrottled: part.throttled === 1 && owner?.throttle_step === 0,
    tries: (part.tries as number) + 1,
    doubtsReference: part.has_upload === 1 && part.tries === 0,
  });
  if (judgement.kind === 'refused') return refuse(database, part, judgement.reason, nowMs);
  refund(database, part);
  const { waitMs, uploadsAgain = false } = judgement.kind === 'again' ? judgement : { waitMs: 0 };
  // After a definite refusal the request may change: newer token, new client id, new upload (design 3). A hold that
  // the user ends uploads anew in any case. What was refused at a repeat may have arrived before: only by its client
  // id can the server tell.
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
  const sentAtMs = (who?.last_send_at as number | undefined) ?? 0;
  const throttleMs = noteThrottled(database, owner, { account, sentAtMs, nowMs });
  return verdictOf(database, seq, throttleMs, held);
}

/** Commits that a part is not to be sent. */
export function refuse(database: Database, part: Row, reason: string, nowMs: number): Verdict {
  refund(database, part);
  database.run(
    "UPDATE parts SET state = 'refused', reason = ?, body = NULL, finished_at = ? WHERE seq = ?",
    reason,
    nowMs,
    part.seq as number,
  );
  return verdictOf(database, part.seq as number, null);
}

/** A definitely refused part has not used the budget, unless the user's new message has reset it meanwhile. */
export function refund(database: Database, part: Row): void {
  database.run(
    'UPDATE users SET sent = MAX(0, sent - 1) WHERE account = ? AND user = ? AND last_message_seq = ?',
    part.account as string,
    part.user as string,
    part.seen_seq as number,
  );
}
