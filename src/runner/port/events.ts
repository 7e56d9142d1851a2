import { eventOf, type FailureReason, type MessageEvent, type Turn } from '../../core/message/message.ts';
import type { PartState, PartView } from '../../store/port/port.ts';

/** A text that was not confirmed in time, as a command is told of it. */
export interface UndeliveredMessage {
  type: 'undelivered';
  about: 'message';
  account: string;
  user: string;
  /** The same each time that the command is started for it. */
  id: string;
  /** The parts that did not arrive. */
  parts: string[];
  text: string;
  /** `path` names no file where the store is on a server. */
  files: { name: string; path: string }[];
  /** The source that has pushed it; null: `send` wrote it. */
  source: string | null;
  verdict: PartState;
  reason: string | null;
  createdAt: string;
  /** More than 1: the command has failed before, or was cut off. */
  attempt: number;
}

/** A sign that an account is deaf: the server accepts what it sends, and shows nothing. */
export interface DeafAccount {
  type: 'undelivered';
  about: 'account';
  account: string;
  /** Parts accepted without an ID, one after the other; or the owner silent for longer than ever lately. */
  sign: 'unconfirmed' | 'silence';
  user: string;
  since: string;
  count: number;
  /** The newest of these parts: what the vendor needs to look into it. */
  parts: { id: string; clientId: string; messageId: string | null; time: string }[];
}

/** An event of a runner. `run --json` prints them. */
export type RunnerEvent =
  | { type: 'ready'; account: string; name: string | null }
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
      /** Messages that the user can still get before they must write again; null: not known. */
      budgetLeft: number | null;
    }
  | { type: 'expired'; account: string }
  | UndeliveredMessage
  | DeafAccount
  /** `unread`: responses of the server that could not be read, and may have had messages. */
  | { type: 'stopped'; account: string; unread: number };

/** The JSON of an event, for `run --json`, hooks and the library. */
export type RunnerDocument = { v: 1 } & (MessageEvent | Exclude<RunnerEvent, { type: 'message' }>);

/** Makes the JSON of an event. */
export function documentOf(event: RunnerEvent): RunnerDocument {
  return event.type === 'message' ? eventOf(event.turn) : { v: 1, ...event };
}

/** Gets the events of a runner, in order. */
export type EventSink = (event: RunnerEvent) => void;
