import { BUDGET_MESSAGES, BUDGET_WINDOW_MS } from '../../core/message/wechat-limits.ts';
import { one, type Row, type Step } from '../../sql/statement.ts';
import { HELD } from './part-states.ts';

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
export function judgeRefusal(facts: RefusalFacts): Judgement {
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

/** Why nothing is sent to a user of whom no message is known; null: they have written. One who wrote to the account's former bot is not new. */
export function holdUntilFirstMessage(user: Row): 'first-contact' | 'context' | null {
  if (user.last_message_at !== null) return null;
  return (user.last_message_seq ?? 0) === 0 ? 'first-contact' : 'context';
}

const HELD_OF_USER = `SELECT reason FROM parts WHERE account = ? AND "user" = ? AND ${HELD} LIMIT 1`;

export type QueuedOrHeld = { state: 'queued' } | { state: 'held'; reason: string | null };

/** The state of a part that joins the queue of a user now: held behind held ones. */
export function* queuedOrHeld(to: { account: string; user: string }): Step<QueuedOrHeld> {
  const held = yield* one(HELD_OF_USER, to.account, to.user);
  return held ? { state: 'held', reason: held.reason as string | null } : { state: 'queued' };
}
