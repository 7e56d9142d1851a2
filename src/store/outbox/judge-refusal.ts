import { newClientId } from '../../core/ids.ts';
import { BUDGET_MESSAGES, BUDGET_WINDOW_MS } from '../../core/message/wechat-limits.ts';
import { one, type Row, run, type Step } from '../../sql/statement.ts';
import type { Verdict } from '../port/port.ts';
import { refundBudget, spentBudget } from './budget.ts';
import { holdUser } from './hold-and-release.ts';
import { verdictOf } from './parts.ts';
import { endThrottle, isQuietTry, QUIET_MS, recordThrottled } from './rate-limit.ts';

/** A refusal this soon after the user wrote is not explained by the age of anything. */
const JUST_WROTE_MS = 600_000;

/** What is known when the server definitely refused a part (protocol 8, decision procedure). */
interface RefusalFacts {
  code: number;
  errmsg: string;
  /** The user wrote after this request was made: the refusal may concern the older token. */
  userWroteSince: boolean;
  /** Requests since the user's last message that were accepted or may have been, without this one. */
  sentSinceMessage: number;
  /** Milliseconds since the user's last message; null when there was none. */
  messageAgeMs: number | null;
  /** Requests of this account in the second and in the five minutes before this one. */
  sentLastSecond: number;
  sentLastFiveMinutes: number;
  /** The account is throttled: no request was accepted since. False after quiet minutes, which no burst outlasts. */
  isThrottled: boolean;
  /** This part has waited out a throttle, and other parts of the account were accepted since: that is not the reason. */
  provenUnthrottled: boolean;
  /** Definite refusals of this part with an unknown code, this one included. */
  tries: number;
  /** The caller can renew its poll session, and has not done so since the user wrote. */
  canRenewPolls: boolean;
  /** It carries a file on the CDN, and this is its first refusal: the server may refuse the reference to the file. */
  doubtsReference: boolean;
}

/** What becomes of a refused part: it is final, sent again later, or held until the user writes (`throttle`: until its end). */
type Judgement =
  | { kind: 'refused'; reason: string }
  /** `uploadsAgain`: with a new reference to its file. `renewsPolls`: after the poll session is renewed. */
  | { kind: 'retry'; waitMs: number; uploadsAgain?: boolean; renewsPolls?: true }
  | { kind: 'held'; reason: 'quota' | 'window' | 'throttle' | 'context' | 'code' };

const UNKNOWN_CODE_TRIES = 3;
const UNKNOWN_CODE_WAIT_MS = 2_000;

/** Judges a definite refusal of `sendmessage` by our own counters, because the code -2 alone says too little (protocol 8). */
function judgeRefusal(facts: RefusalFacts): Judgement {
  const uploadsAgain = facts.doubtsReference;
  if (facts.errmsg === 'invalid arguments') {
    return uploadsAgain
      ? { kind: 'retry', waitMs: 0, uploadsAgain }
      : { kind: 'refused', reason: facts.errmsg };
  }
  if (facts.userWroteSince) return { kind: 'retry', waitMs: 0 };
  if (facts.code !== -2 && facts.code !== -6) {
    return facts.tries < UNKNOWN_CODE_TRIES
      ? { kind: 'retry', waitMs: UNKNOWN_CODE_WAIT_MS, uploadsAgain }
      : { kind: 'held', reason: 'code' };
  }
  if (facts.sentSinceMessage >= BUDGET_MESSAGES) return { kind: 'held', reason: 'quota' };
  if (facts.messageAgeMs === null || facts.messageAgeMs > BUDGET_WINDOW_MS)
    return { kind: 'held', reason: 'window' };
  const isBurst = facts.isThrottled || facts.sentLastSecond > 2 || facts.sentLastFiveMinutes > 12;
  if (isBurst && !facts.provenUnthrottled) return { kind: 'held', reason: 'throttle' };
  // What was accepted since the user wrote shows that the poll session is not the fault.
  if (facts.canRenewPolls && facts.sentSinceMessage === 0 && facts.messageAgeMs < JUST_WROTE_MS)
    return { kind: 'retry', waitMs: 0, renewsPolls: true };
  return { kind: 'held', reason: 'context' };
}

/** Commits what a refusal by the server means (protocol 8): the part is held, tried again, or refused for good. */
export function* settleRefusal(
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
export function* refuse(part: Row, reason: string, nowMs: number): Step<Verdict> {
  yield* refundBudget(part);
  yield* run(
    "UPDATE parts SET state = 'refused', reason = ?, body = NULL, finished_at = ? WHERE seq = ?",
    reason,
    nowMs,
    part.seq as number,
  );
  return yield* verdictOf(part.seq as number, null);
}
