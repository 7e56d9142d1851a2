import type { Outcome } from '../../core/message/message.ts';
import { after } from '../../core/time/clock.ts';
import { eventsDelivered } from '../../core/time/event-loop.ts';
import type { TurnEnd } from './port.ts';

/** A turn's own clock: aborted by the runner or when its time is up, whichever comes first. */
export interface TurnLimit {
  /** Its `reason` is a TurnEnd. */
  signal: AbortSignal;
  /** How long the turn may go on. */
  leftMs(): number;
  /** Lets go of the timer and of the runner's signal. Nothing aborts `signal` afterwards. */
  release(): void;
}

/** Joins the runner's signal and the turn's time; `timeoutMs` 0 means no limit. */
export function limitTurn(signal: AbortSignal, timeoutMs: number): TurnLimit {
  const controller = new AbortController();
  const onAbort = () => controller.abort(turnEndOf(signal));
  let released = false;
  const endsAtMs = timeoutMs > 0 ? performance.now() + timeoutMs : Number.POSITIVE_INFINITY;
  /** The time may have passed while this process was stopped: an answer that is there already counts. */
  const onTime = async (): Promise<void> => {
    await eventsDelivered();
    if (!released) controller.abort('timeout' satisfies TurnEnd);
  };
  const callOff = timeoutMs > 0 ? after(timeoutMs, () => void onTime()) : undefined;
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    leftMs: () => endsAtMs - performance.now(),
    release() {
      released = true;
      callOff?.();
      signal.removeEventListener('abort', onAbort);
    },
  };
}

/** Why an aborted signal ended a turn; a reason that is no TurnEnd is a stop. */
export function turnEndOf(signal: AbortSignal): TurnEnd {
  const { reason } = signal;
  return reason === 'timeout' || reason === 'silence' || reason === 'cancel' ? reason : 'stop';
}

/** The outcome of a turn that did not end by itself. */
export function endedOutcome(end: TurnEnd, timeoutMs: number): Outcome {
  if (end === 'stop') return { kind: 'failed', reason: 'cancelled', detail: 'stopped before it answered' };
  if (end === 'cancel') return { kind: 'failed', reason: 'cancelled', detail: 'cancelled by the user' };
  if (end === 'silence') {
    return { kind: 'failed', reason: 'timeout', detail: 'no output for longer than --silence-timeout' };
  }
  const limit = timeoutMs > 0 ? `${Math.round(timeoutMs / 100) / 10} s` : 'its time';
  return { kind: 'failed', reason: 'timeout', detail: `no answer within ${limit}` };
}
