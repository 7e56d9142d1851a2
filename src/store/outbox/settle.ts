import { resendDelayMs } from '../../core/time/backoff.ts';
import type { Database, Row } from '../../sqlite/database.ts';
import type { Claim, ClaimRequest, PartView, SendReply, UploadResult, Verdict } from '../port/port.ts';
import { claimPart, hasHead, outlookOf } from './claim.ts';
import { type Claimant, freeLease } from './lease.ts';
import { VIEW, viewOf } from './parts.ts';
import { refund, refuse, settleRefusal } from './refusal.ts';
import { noteAccepted } from './throttle.ts';
import { budgetLeft, verdictOf } from './verdict.ts';

const ACCEPTED = `UPDATE parts SET state = ?1, server_id = ?2, reason = NULL, body = NULL, finished_at = ?3
  WHERE seq = ?4 AND account = ?5 AND state = 'sending'`;
const ACCEPT = `${ACCEPTED} RETURNING ${VIEW}`;
/**
 * Another process may have sent it again meanwhile, as the same text under the same client id; only a throttle in
 * between is to be seen.
 */
const ACCEPT_AS_CLAIMED = `${ACCEPTED} AND held_at IS ?6`;

/** Which claimed part a verdict is about, when, and what its claim said of it. */
interface Claimed {
  account: string;
  seq: number;
  known?: PartView;
  nowMs: number;
}

/** Commits what the server said of a claimed part, and frees the user or claims his next one on the terms of `next`. */
export function settlePart(
  database: Database,
  { next = null, ...input }: Claimed & { reply: SendReply; next?: ClaimRequest | null },
  claimant: Claimant,
): Verdict {
  const { reply } = input;
  if (reply.kind === 'accepted') {
    const settled = { ...input, messageId: reply.messageId };
    const verdict = settleAccepted(database, settled, next, claimant);
    if (verdict) return verdict;
  }
  const verdict = settleReply(database, input, claimant.id);
  return next && verdict.waitMs === null
    ? { ...verdict, next: claimPart(database, next, claimant) }
    : verdict;
}

function settleReply(database: Database, input: Claimed & { reply: SendReply }, claimant: string): Verdict {
  const { seq, reply, nowMs } = input;
  const { part, isMine } = claimed(database, input, 'sending', claimant);
  // A takeover, a dropped part, or one that another process repeats by now: only that it has arrived is news.
  if (!part || !isMine || reply.kind === 'accepted') return verdictOf(database, seq, null);
  switch (reply.kind) {
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
    case 'unsent': {
      const waitMs = resendDelayMs((part.unsent as number) + (part.repeats as number) + 1);
      // An earlier request that may have arrived is repeated as it was; else nobody has seen this one, and it may change.
      const isRepeat = part.repeats !== 0;
      refund(database, part);
      database.run(
        `UPDATE parts SET state = ?, body = CASE WHEN ? THEN body END, unsent = unsent + 1, not_before = ?, reason = ?
           WHERE seq = ?`,
        isRepeat ? 'sending' : 'queued',
        isRepeat ? 1 : 0,
        nowMs + waitMs,
        reply.detail,
        seq,
      );
      return verdictOf(database, seq, waitMs);
    }
    case 'rejected':
      return refuse(database, part, `HTTP ${reply.status}`, nowMs);
    case 'refused':
      return settleRefusal(database, part, reply, nowMs);
  }
}

/** The usual end of a request, whoever has the user by now; null for a part that is not `sending` any more. */
function settleAccepted(
  database: Database,
  input: Claimed & { messageId: string | null },
  terms: ClaimRequest | null,
  claimant: Claimant,
): Verdict | null {
  const part = accept(database, input);
  if (!part) return null;
  const { account, user } = part;
  const outlook = outlookOf(database, part);
  if (outlook?.throttle_step !== 0) noteAccepted(database, account, user);
  const isLast = outlook !== undefined && !hasHead(outlook);
  const next: Claim | null = isLast
    ? { kind: 'nothing', held: [] }
    : terms && claimPart(database, terms, claimant, outlook?.throttle_step === 0 ? outlook : undefined);
  // A claim has the user already: freed before it, his row would be written twice.
  if (next?.kind !== 'part' && next?.kind !== 'upload') freeLease(database, part, claimant.id);
  return { part, waitMs: null, held: [], budgetLeft: budgetLeft(outlook), next };
}

/** Notes that a part has arrived. Whoever knows what was claimed need not read it, which takes as long again. */
function accept(database: Database, input: Claimed & { messageId: string | null }): PartView | null {
  const { account, seq, known, messageId, nowMs } = input;
  const state = messageId ? 'confirmed' : 'unconfirmed';
  const values = [state, messageId, nowMs, seq, account] as const;
  if (known && database.run(ACCEPT_AS_CLAIMED, ...values, known.heldAtMs).changes > 0) {
    return { ...known, state, reason: null, serverId: messageId };
  }
  const row = database.one(ACCEPT, ...values);
  return row ? viewOf(row) : null;
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
    `SELECT seq, account, user, client_id, state, seen_seq, tries, repeats, unsent, throttled, unsure,
       upload IS NOT NULL AS has_upload FROM parts
       WHERE seq = ? AND account = ?`,
    seq,
    account,
  );
  if (!row) return { part: null, isMine: false };
  const isMine = freeLease(database, { account, user: row.user as string }, claimant);
  const isClaimed =
    state === null ? row.state === 'sending' || row.state === 'uploading' : row.state === state;
  return { part: isClaimed ? row : null, isMine };
}
