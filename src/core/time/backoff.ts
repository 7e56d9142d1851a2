/** Longest wait that an agent may ask for: after it the user could not be answered any more. */
const MAX_RETRY_AFTER_MS = 24 * 60 * 60_000;

/** A wait that an agent asks for, in whole milliseconds; null unless it is a number from 0 to 24 hours. */
export function retryAfterOf(value: unknown): number | null {
  const isWait = typeof value === 'number' && value >= 0 && value <= MAX_RETRY_AFTER_MS;
  return isWait ? Math.round(value) : null;
}

/** Wait before retry number `n` (1-based) of a failed turn: 5 s, 30 s, then 120 s each. */
export function turnRetryDelayMs(n: number): number {
  return [5_000, 30_000][n - 1] ?? 120_000;
}

/** Wait before a throttled user's n-th try (1-based): 30 s doubling up to 30 min. Never earlier: a probe prolongs it. */
export function throttleDelayMs(n: number): number {
  return Math.min(30_000 * 2 ** (n - 1), 30 * 60_000);
}

/** A source of numbers from 0 up to 1, as `Math.random` is. */
export type Random = () => number;

/** Wait after the n-th poll failure in a row (1-based): up to 2 s, and up to 30 s from the third on. */
export function pollFailureDelayMs(n: number, random?: Random): number {
  return fullJitter(n < 3 ? 2_000 : 30_000, random);
}

/** The longest of {@link resendDelayMs}. */
export const LONGEST_RESEND_DELAY_MS = 30_000;

/** Pause before the n-th repeat (1-based) of a request whose result is unknown: up to 0.5 s, doubling to 30 s. */
export function resendDelayMs(n: number, random?: Random): number {
  return fullJitter(Math.min(500 * 2 ** (n - 1), LONGEST_RESEND_DELAY_MS), random);
}

/** Pause before the n-th repeat (1-based) of a turn that this machine was short of something for: up to 30 s, doubling to 10 min. */
export function shortageDelayMs(n: number, random?: Random): number {
  return fullJitter(Math.min(30_000 * 2 ** (n - 1), 10 * 60_000), random);
}

/** Pause before a process that has died n times in a row (1-based) is started again: up to 1 s, doubling to 60 s. */
export function restartDelayMs(n: number, random?: Random): number {
  return fullJitter(Math.min(1_000 * 2 ** (n - 1), 60_000), random);
}

/** Pause after the n-th early empty answer in a row: 50 ms doubling to 2 s, from half of that on left to chance. */
export function emptyPollDelayMs(n: number, random?: Random): number {
  const mostMs = Math.min(50 * 2 ** (n - 1), 2_000);
  return mostMs / 2 + fullJitter(mostMs / 2, random);
}

/** So many accounts start at once. */
const STARTED_AT_ONCE = 100;

/** Pause before the n-th account (1-based) of many starts: after a hundred up to 20 ms each, so a hundred in a second. */
export function startPauseMs(n: number, random?: Random): number {
  return n <= STARTED_AT_ONCE ? 0 : fullJitter(20, random);
}

/** Anything up to the whole wait: what many lost at the same moment they do not all ask for at the same moment. */
function fullJitter(mostMs: number, random: Random = Math.random): number {
  return Math.round(random() * mostMs);
}
