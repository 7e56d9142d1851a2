import { eventOf, type FailureReason, type MessageEvent, type Turn } from '../../core/message/message.ts';
import type { PartState, PartView } from '../../store/port/port.ts';

/** What a runner tells the outside as it happens; `run --json` prints these (contract 2). */
export type RunnerEvent =
  | { type: 'ready'; account: string; name: string | null }
  /** A turn starts. */
  | { type: 'message'; account: string; turn: Turn }
  | {
      type: 'outcome';
      account: string;
      id: string;
      user: string;
      outcome: 'reply' | 'silent' | 'retry' | 'failed';
      reason: FailureReason | 'crash' | null;
      attempt: number;
      durationMs: number;
      /** Parts of the answer that were queued. */
      parts: number;
    }
  | {
      type: 'part';
      account: string;
      message: string | null;
      user: string;
      clientId: string;
      kind: PartView['kind'];
      verdict: PartState;
      messageId: string | null;
      reason: string | null;
      /** Messages the user may still get before they must write again; null when that is not known. */
      budgetLeft: number | null;
    }
  | { type: 'expired'; account: string }
  /** `unread`: answers of the server that could not be read, and may have held messages. */
  | { type: 'stopped'; account: string; unread: number };

/** An event as everybody outside gets it: `run --json`, hooks, the library (contract 2). */
export type RunnerDocument = { v: 1 } & (MessageEvent | Exclude<RunnerEvent, { type: 'message' }>);

/** An event as its document. */
export function documentOf(event: RunnerEvent): RunnerDocument {
  return event.type === 'message' ? eventOf(event.turn) : { v: 1, ...event };
}

/** Receives runner events in order. */
export type EventSink = (event: RunnerEvent) => void;
