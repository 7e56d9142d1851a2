import { newClientId } from '../../core/ids.ts';
import { resendDelayMs } from '../../core/time/backoff.ts';
import { one, type Row, run, type Step, together, unawaited } from '../../sql/statement.ts';
import type { Claim, ClaimRequest, PartView, SendReply, Verdict } from '../port/port.ts';
import { ALWAYS, type IsHeld } from '../workers/fence.ts';
import { budgetLeft, refundBudget, spentBudget } from './budget.ts';
import { claimPart, claimState, endClaim, hasHead } from './claim-next-part.ts';
import { holdUser } from './hold-and-release.ts';
import { judgeRefusal } from './hold-policy.ts';
import { VIEW, verdictOf, viewOf } from './parts.ts';
import { endThrottle, endThrottleBy, isQuietTry, QUIET_MS, recordThrottled } from './rate-limit.ts';
import { type Claimant, freeLease } from './user-lease.ts';

const ACCEPTED = `UPDATE parts SET state = ?1, server_id = ?2, reason = NULL, body = NULL, finished_at = ?3
  WHERE seq = ?4 AND account = ?5 AND state = 'sending'`;
const ACCEPT = `${ACCEPTED} RETURNING ${VIEW}`;
/** Fails when a throttle held the part in between: then another process may have sent it again meanwhile. */
const ACCEPT_AS_CLAIMED = `${ACCEPTED} AND held_at IS NOT DISTINCT FROM ?6`;

/** The claimed part that a reply is about, with its view from the claim. */
interface Claimed {
  account: string;
  seq: number;
  known?: PartView;
  nowMs: number;
}

/** Commits the server's reply to a claimed part, and frees the user or claims their next part (`next`). */
export function* settlePart(
  {
    next = null,
    ...input
  }: Claimed & { reply: SendReply; canRenewPolls?: boolean; next?: ClaimRequest | null },
  claimant: Claimant,
  isHeld: IsHeld = ALWAYS,
): Step<Verdict> {
  const { reply } = input;
  if (reply.kind === 'accepted') {
    const settled = { messageId: reply.messageId, ...input };
    const verdict = yield* settleAccepted(settled, next, claimant, isHeld);
    if (verdict) return verdict;
  }
  const verdict = yield* settleReply(input, claimant.id);
  return next && verdict.waitMs === null && isHeld()
    ? { ...verdict, next: yield* claimPart(next, claimant) }
    : verdict;
}

function* settleReply(
  input: Claimed & { reply: SendReply; canRenewPolls?: boolean },
  claimant: string,
): Step<Verdict> {
  const { seq, reply, nowMs } = input;
  const { part, isOwn } = yield* endClaim(input, 'sending', claimant);
  // A takeover, a dropped part, or one that another process repeats now: only its arrival would change anything.
  if (!part || !isOwn || reply.kind === 'accepted') return yield* verdictOf(seq, null);
  // Nobody is asked for a word twice: one that the server has seen is not kept.
  if (part.origin === 'keeper' && reply.kind !== 'unsent')
    return yield* giveUpWord(part, reply.kind === 'unknown' ? reply.detail : null, nowMs);
  switch (reply.kind) {
    case 'unknown': {
      const waitMs = resendDelayMs((part.repeats as number) + 1);
      yield* run(
        'UPDATE parts SET repeats = repeats + 1, not_before = ?, reason = ? WHERE seq = ?',
        ...[nowMs + waitMs, reply.detail, seq],
      );
      return yield* verdictOf(seq, waitMs);
    }
    case 'unsent': {
      const waitMs = resendDelayMs((part.unsent as number) + (part.repeats as number) + 1);
      // An earlier request that may have arrived is repeated unchanged. Otherwise no server has seen this one: it may change.
      const isRepeat = part.repeats !== 0;
      yield* refundBudget(part);
      yield* run(
        `UPDATE parts SET state = ?, body = CASE WHEN ? = 1 THEN body END, unsent = unsent + 1, not_before = ?, reason = ?
           WHERE seq = ?`,
        ...[isRepeat ? 'sending' : 'queued', isRepeat ? 1 : 0, nowMs + waitMs, reply.detail, seq],
      );
      return yield* verdictOf(seq, waitMs);
    }
    case 'rejected':
      return yield* refuse(part, `HTTP ${reply.status}`, nowMs);
    case 'refused':
      return yield* settleRefusal(part, reply, input);
  }
}

/** Commits what a refusal by the server means (protocol 8): the part is held, tried again, or refused for good. */
function* settleRefusal(
  part: Row,
  reply: { code: number; errmsg: string },
  { nowMs, canRenewPolls = false }: { nowMs: number; canRenewPolls?: boolean },
): Step<Verdict> {
  const account = part.account as string;
  const user = part.user as string;
  const seq = part.seq as number;
  const userRow = yield* one('SELECT * FROM users WHERE account = ? AND "user" = ?', account, user);
  const accountRow = yield* one(
    'SELECT recent_sends, throttle_step, throttle_until FROM accounts WHERE account = ?',
    account,
  );
  const recent = JSON.parse((accountRow?.recent_sends as string | undefined) ?? '[]') as number[];
  const lastMessageAt = (userRow?.last_message_at as number | null | undefined) ?? null;
  const sentAtMs = (userRow?.last_send_at as number | undefined) ?? 0;
  const isThrottled = ((accountRow?.throttle_step as number | undefined) ?? 0) > 0;
  const isQuiet = isThrottled && isQuietTry(accountRow, recent, sentAtMs);
  const judgement = judgeRefusal({
    ...reply,
    userWroteSince: ((userRow?.last_message_seq as number | undefined) ?? 0) > (part.seen_seq as number),
    sentSinceMessage: userRow ? (yield* spentBudget(userRow)) - 1 : 0,
    messageAgeMs: lastMessageAt === null ? null : nowMs - lastMessageAt,
    sentLastSecond: recent.filter((at) => at > nowMs - 1_000).length,
    sentLastFiveMinutes: recent.filter((at) => at > nowMs - QUIET_MS).length,
    isThrottled: isThrottled && !isQuiet,
    // What shows that a throttle is over, or was none, ends it: so a step of 0 proves that.
    provenUnthrottled: part.throttled === 1 && accountRow?.throttle_step === 0,
    tries: (part.tries as number) + 1,
    canRenewPolls: canRenewPolls && userRow?.last_message_seq !== userRow?.renewed_seq,
    doubtsReference: part.has_upload === 1 && part.tries === 0,
  });
  if (judgement.kind === 'refused') return yield* refuse(part, judgement.reason, nowMs);
  yield* refundBudget(part);
  const {
    waitMs,
    uploadsAgain = false,
    renewsPolls = false,
  } = judgement.kind === 'retry' ? judgement : { waitMs: 0 };
  // After a definite refusal the request may change: newer token, new client id, new upload. A hold that the
  // user ends uploads anew in any case. A repeat that was refused may have arrived at an earlier try: the server
  // recognises it only by its client id, which therefore stays.
  const isUnsure = part.unsure === 1 || part.repeats !== 0;
  yield* run(
    `UPDATE parts SET state = 'queued', body = NULL, upload = CASE WHEN ? = 1 THEN NULL ELSE upload END, client_id = ?,
       unsure = ?, tries = tries + 1, repeats = 0, not_before = ?, reason = ? WHERE seq = ?`,
    uploadsAgain ? 1 : 0,
    isUnsure ? (part.client_id as string) : newClientId(),
    isUnsure ? 1 : 0,
    nowMs + waitMs,
    `code ${reply.code}`,
    seq,
  );
  if (renewsPolls)
    yield* run(
      'UPDATE users SET renewed_seq = last_message_seq WHERE account = ? AND "user" = ?',
      account,
      user,
    );
  if (judgement.kind === 'retry') return { ...(yield* verdictOf(seq, waitMs)), renewsPolls };
  const held = yield* holdUser({ account, user, reason: judgement.reason, nowMs });
  if (judgement.reason !== 'throttle') {
    // Other users need not wait any longer for what was no throttle.
    if (isQuiet) yield* endThrottle(account);
    return yield* verdictOf(seq, null, held);
  }
  yield* run('UPDATE parts SET throttled = 1 WHERE seq = ?', seq);
  const throttleMs = yield* recordThrottled(accountRow, { account, sentAtMs, nowMs });
  return yield* verdictOf(seq, throttleMs, held);
}

/** Commits that a part will not be sent. */
function* refuse(part: Row, reason: string, nowMs: number): Step<Verdict> {
  yield* refundBudget(part);
  yield* run(
    "UPDATE parts SET state = 'refused', reason = ?, body = NULL, finished_at = ? WHERE seq = ?",
    reason,
    nowMs,
    part.seq as number,
  );
  return yield* verdictOf(part.seq as number, null);
}

/** `unknown`: why it is not known whether it has arrived; null: it has not. */
function* giveUpWord(part: Row, unknown: string | null, nowMs: number): Step<Verdict> {
  if (unknown === null) yield* refundBudget(part);
  yield* run(
    'UPDATE parts SET state = ?, reason = ?, body = NULL, finished_at = ? WHERE seq = ?',
    ...[unknown === null ? 'refused' : 'unconfirmed', unknown, nowMs, part.seq as number],
  );
  return yield* verdictOf(part.seq as number, null);
}

/** The usual end of a request, whichever process has the lease now; null for a part that is not `sending` any more. */
function* settleAccepted(
  input: Claimed & { messageId: string | null },
  request: ClaimRequest | null,
  claimant: Claimant,
  isHeld: IsHeld,
): Step<Verdict | null> {
  const accepted = yield* accept(input);
  if (!accepted) return null;
  const { part, row } = accepted;
  const { account, user } = part;
  if (row?.throttle_step !== 0) yield* endThrottleBy(account, user);
  const isLast = row !== undefined && !hasHead(row);
  const next: Claim | null = isLast
    ? { kind: 'nothing', held: [] }
    : request && isHeld()
      ? yield* claimPart(request, claimant, row?.throttle_step === 0 ? row : undefined)
      : null;
  // A claim has the lease already: freeing it first would write the user's row twice.
  if (next?.kind !== 'part' && next?.kind !== 'upload') yield* unawaited(freeLease(part, claimant.id));
  return { part, waitMs: null, held: [], budgetLeft: budgetLeft(row), renewsPolls: false, next };
}

/**
 * Records that a part has arrived. Reading it takes as long as writing it, so a caller that has its view spares that.
 * Returns it with the {@link claimState} of its user.
 */
function* accept(
  input: Claimed & { messageId: string | null },
): Step<{ part: PartView; row: Row | undefined } | null> {
  const { account, seq, known, messageId, nowMs } = input;
  const state = messageId ? 'confirmed' : 'unconfirmed';
  const values = [state, messageId, nowMs, seq, account] as const;
  if (known) {
    const [changed, row] = yield* together(
      run(ACCEPT_AS_CLAIMED, ...values, known.heldAtMs),
      claimState(known),
    );
    if (changed > 0) return { part: { ...known, state, reason: null, serverId: messageId }, row };
  }
  const row = yield* one(ACCEPT, ...values);
  if (!row) return null;
  const part = viewOf(row);
  return { part, row: yield* claimState(part) };
}
