import { resendDelayMs } from '../core/backoff.ts';
import { WxError } from '../core/errors.ts';
import { newClientId } from '../core/ids.ts';
import { BUDGET_MESSAGES, judgeRefusal } from '../core/verdict.ts';
import type { Database, Row } from './database.ts';
import { holdUser } from './holds.ts';
import type { PartView, SendReply, UploadResult, Verdict } from './outbox-port.ts';
import { acceptedSince, partView } from './parts.ts';
import { noteAccepted, noteThrottled } from './throttle.ts';

const FIVE_MINUTES_MS = 300_000;

/** Commits what the server said of a claimed part, and frees the user for the next claim. */
export function settlePart(
  database: Database,
  input: { account: string; seq: number; reply: SendReply; nowMs: number; steadyMs: number },
  claimant: string,
): Verdict {
  const { account, seq, reply, nowMs } = input;
  const { part, isMine } = claimed(database, input, 'sending', claimant);
  // A takeover, a dropped part, or one that another process repeats by now: only that it has arrived is news.
  if (!part || (!isMine && reply.kind !== 'accepted')) return verdictOf(database, seq, null);
  switch (reply.kind) {
    case 'accepted':
      database.run(
        'UPDATE parts SET state = ?, server_id = ?, reason = NULL, body = NULL, finished_at = ? WHERE seq = ?',
        reply.messageId ? 'confirmed' : 'unconfirmed',
        reply.messageId,
        nowMs,
        seq,
      );
      noteAccepted(database, account, part.user as string);
      return verdictOf(database, seq, null);
    case 'unknown': {
      const waitMs = resendDelayMs((part.repeats as number) + 1);
      database.run(
        'UPDATE parts SET repeats = repeats + 1, not_before = ?, reason = ? WHERE seq = ?',
        nowMs + waitMs,
        reply.detail,
        seq,
      );
      return verdictOf(database, seq, waitMs);
    }
    case 'rejected':
      return refuse(database, part, `HTTP ${reply.status}`, nowMs);
    case 'refused':
      return settleRefusal(database, part, reply, input);
  }
}

/** Commits how the upload of a claimed file ended; an uploaded one is queued to be sent. */
export function settleUpload(
  database: Database,
  input: { account: string; seq: number; result: UploadResult; nowMs: number },
  claimant: string,
): Verdict {
  const { seq, result, nowMs } = input;
  const { part, isMine } = claimed(database, input, 'uploading', claimant);
  if (!part || !isMine) return verdictOf(database, seq, null);
  if (result.kind === 'uploaded') {
    database.run(
      "UPDATE parts SET state = 'queued', upload = ?, repeats = 0, reason = NULL WHERE seq = ?",
      Buffer.from(result.upload, 'utf8'),
      seq,
    );
    return verdictOf(database, seq, null);
  }
  if (result.kind === 'refused') {
    database.run(
      "UPDATE parts SET state = 'refused', reason = ?, finished_at = ? WHERE seq = ?",
      result.reason,
      nowMs,
      seq,
    );
    return verdictOf(database, seq, null);
  }
  const waitMs = resendDelayMs((part.repeats as number) + 1);
  database.run(
    "UPDATE parts SET state = 'queued', repeats = repeats + 1, not_before = ?, reason = ? WHERE seq = ?",
    nowMs + waitMs,
    result.detail,
    seq,
  );
  return verdictOf(database, seq, waitMs);
}

/**
 * Gives a claimed part back: its request was refused for a reason that lies in the login. One whose
 * earlier result is unknown stays as it is, for it may have arrived.
 */
export function returnPart(
  database: Database,
  input: { account: string; seq: number },
  claimant: string,
): void {
  const { part, isMine } = claimed(database, input, null, claimant);
  if (!part || !isMine) return;
  if (part.state === 'sending') {
    if (part.repeats !== 0) return;
    refund(database, part);
  }
  database.run("UPDATE parts SET state = 'queued', body = NULL WHERE seq = ?", input.seq);
}

/**
 * A claimed part, its user freed; none when it is in another state by now than it was claimed in
 * (null: either). Not mine when the lease has run out and another process has the user: then it is
 * that one's to free him.
 */
function claimed(
  database: Database,
  { account, seq }: { account: string; seq: number },
  state: 'sending' | 'uploading' | null,
  claimant: string,
): { part: Row | null; isMine: boolean } {
  const row = database.one(
    `SELECT seq, account, user, client_id, state, seen_seq, tries, repeats, throttled, unsure,
       upload IS NOT NULL AS has_upload FROM parts
       WHERE seq = ? AND account = ?`,
    seq,
    account,
  );
  if (!row) return { part: null, isMine: false };
  const freed = database.run(
    'UPDATE users SET lease = NULL WHERE account = ? AND user = ? AND COALESCE(lease, ?3) = ?3',
    account,
    row.user as string,
    claimant,
  );
  const isMine = freed.changes > 0;
  const isClaimed =
    state === null ? row.state === 'sending' || row.state === 'uploading' : row.state === state;
  return { part: isClaimed ? row : null, isMine };
}

function settleRefusal(
  database: Database,
  part: Row,
  reply: { code: number; errmsg: string },
  { nowMs, steadyMs }: { nowMs: number; steadyMs: number },
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
    messageAgeMs: lastMessageAt === null ? null : steadyMs - lastMessageAt,
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

function refuse(database: Database, part: Row, reason: string, nowMs: number): Verdict {
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
function refund(database: Database, part: Row): void {
  database.run(
    'UPDATE users SET sent = MAX(0, sent - 1) WHERE account = ? AND user = ? AND last_message_seq = ?',
    part.account as string,
    part.user as string,
    part.seen_seq as number,
  );
}

function verdictOf(database: Database, seq: number, waitMs: number | null, held: PartView[] = []): Verdict {
  const part = partView(database, seq);
  if (!part) throw new WxError('internal', `there is no part ${seq}`);
  const who = database.one('SELECT sent FROM users WHERE account = ? AND user = ?', part.account, part.user);
  const sent = (who?.sent as number | undefined) ?? 0;
  return {
    part,
    waitMs,
    held: held.filter((other) => other.seq !== seq),
    budgetLeft: Math.max(0, BUDGET_MESSAGES - sent),
    next: null,
  };
}
