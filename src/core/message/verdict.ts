/** What is known when the server definitely refused a part (protocol 8, decision procedure). */
export interface RefusalFacts {
  code: number;
  errmsg: string;
  /** The user wrote after this request was made: the refusal may be about the older token. */
  userWroteSince: boolean;
  /** Requests since the user's last message that were accepted or may have been, this one not counted. */
  sentSinceMessage: number;
  /** Milliseconds since the user's last message; null when there was none. */
  messageAgeMs: number | null;
  /** Requests of this account in the second and in the five minutes before this one. */
  sentLastSecond: number;
  sentLastFiveMinutes: number;
  /** The account has been throttled and nothing was accepted since. */
  isThrottled: boolean;
  /** This part has waited out a throttle, and others of the account have got through since: it is not that. */
  provenUnthrottled: boolean;
  /** Definite refusals of this part with a code nobody knows, this one included. */
  tries: number;
  /** It carries a file on the CDN, and this is its first refusal: the reference to it may be what is not taken. */
  doubtsReference: boolean;
}

/** What to do with a refused part: final, again later, or kept until the user writes (`throttle`: until a clock runs out). */
export type Judgement =
  | { kind: 'refused'; reason: string }
  /** `uploadsAgain`: with a new reference to its file. */
  | { kind: 'again'; waitMs: number; uploadsAgain?: boolean }
  | { kind: 'held'; reason: 'quota' | 'window' | 'throttle' | 'context' | 'code' };

/** Bot messages a user's message pays for, and how long it opens the window (protocol 9.2). */
export const BUDGET_MESSAGES = 10;
export const BUDGET_WINDOW_MS = 24 * 60 * 60_000;

const UNKNOWN_CODE_TRIES = 3;
const UNKNOWN_CODE_WAIT_MS = 2_000;

/** Judges a definite refusal of `sendmessage` from our own counters, since -2 alone says too little (protocol 8). */
export function judgeRefusal(facts: RefusalFacts): Judgement {
  const uploadsAgain = facts.doubtsReference;
  if (facts.errmsg === 'invalid arguments') {
    return uploadsAgain
      ? { kind: 'again', waitMs: 0, uploadsAgain }
      : { kind: 'refused', reason: facts.errmsg };
  }
  if (facts.userWroteSince) return { kind: 'again', waitMs: 0 };
  if (facts.code !== -2 && facts.code !== -6) {
    return facts.tries < UNKNOWN_CODE_TRIES
      ? { kind: 'again', waitMs: UNKNOWN_CODE_WAIT_MS, uploadsAgain }
      : { kind: 'held', reason: 'code' };
  }
  if (facts.sentSinceMessage >= BUDGET_MESSAGES) return { kind: 'held', reason: 'quota' };
  if (facts.messageAgeMs === null || facts.messageAgeMs > BUDGET_WINDOW_MS)
    return { kind: 'held', reason: 'window' };
  const isBurst = facts.isThrottled || facts.sentLastSecond > 2 || facts.sentLastFiveMinutes > 12;
  if (isBurst && !facts.provenUnthrottled) return { kind: 'held', reason: 'throttle' };
  return { kind: 'held', reason: 'context' };
}
