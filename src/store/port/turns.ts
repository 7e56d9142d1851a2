import type { ChatLanguage } from '../../core/message/language.ts';
import type { FailureReason } from '../../core/message/message.ts';
import type { ClaimRequest, NewPart, QueuedParts } from './outbox.ts';

export interface TurnMessage {
  raw: Buffer;
  /** Where its text for the agent begins, in UTF-16 units. */
  textFrom: number;
}

/** A turn whose start is committed. It belongs to a message, or to the first of several (`--merge`). */
export interface StartedTurn {
  seq: number;
  id: string;
  user: string;
  isOwner: boolean;
  /** The language of the user's last text whose language was clear; null: there was none. */
  language: ChatLanguage | null;
  /** The messages of the turn, in order: one, or several with `--merge`. */
  messages: TurnMessage[];
  receivedAtMs: number;
  sessionId: string;
  turn: number;
  attempt: number;
  /** Failures counted towards `--retries` so far. */
  failures: number;
  /** Digests of the output that earlier attempts queued while they ran, in order. */
  outputs: string[];
}

/** One attempt at a turn: what it does counts only while it is the one that runs. */
export type TurnAttempt = Pick<StartedTurn, 'seq' | 'attempt'>;

/** What the end of a turn needs to know of it. */
export type EndedTurn = Pick<StartedTurn, 'seq' | 'id' | 'user' | 'messages' | 'attempt'>;

/** The turn does not start before this wall-clock time: its user may still be writing (`--merge`). */
export interface Deferred {
  notBeforeMs: number;
}

/** An earlier message of the user has never started: it is first. */
export interface Behind {
  earlier: number;
}

/** A child process. The start time tells it from a later process with the same pid. */
export interface Child {
  pid: number;
  startTime: string;
}

export type TurnResult =
  | { kind: 'done' }
  | { kind: 'failed'; reason: FailureReason | 'crash'; detail: string }
  /** Runs again at `notBeforeMs`; `counts` adds to the failures that `--retries` limits. */
  | { kind: 'retry'; notBeforeMs: number; counts: boolean; detail: string };

/** The runs of the agent: one turn is one message, or several that were merged, from its start to its outcome. */
export interface Turns {
  /**
   * Commits the start of a turn; null when the message must not run any more. With `mergeMs` the turn includes the
   * user's next messages that follow within that time of each other, and starts when the user has paused for as long.
   */
  startTurn(input: {
    account: string;
    seq: number;
    mergeMs: number;
    nowMs: number;
  }): Promise<StartedTurn | Deferred | Behind | null>;
  /**
   * Queues what a running turn has output: its parts, with its digest as the `index`-th output of the message. A
   * later attempt finds the digests in {@link StartedTurn}; from `index` on they are replaced. An attempt that is over
   * queues nothing.
   */
  queueOutput(input: {
    account: string;
    turn: TurnAttempt;
    output: { index: number; digest: string };
    parts: NewPart[];
    nowMs: number;
    claim: ClaimRequest | null;
  }): Promise<QueuedParts>;
  /** Queues a notice about a running turn, unless its user was already told anything for this message. */
  queueNotice(input: {
    account: string;
    turn: TurnAttempt;
    parts: NewPart[];
    nowMs: number;
    claim: ClaimRequest | null;
  }): Promise<QueuedParts>;
  /** Commits the end of a turn together with the parts of its reply, unless the message was superseded meanwhile. */
  finishTurn(input: {
    account: string;
    turn: EndedTurn;
    result: TurnResult;
    parts: NewPart[];
    nowMs: number;
    /** Claims the first part in the same transaction when no part is ahead of it. */
    claim: ClaimRequest | null;
  }): Promise<QueuedParts>;
  /** Ends a message that answered a question of a turn. Returns its content; null when it had ended already. */
  finishAnswer(input: { account: string; seq: number; nowMs: number }): Promise<Buffer | null>;
  /** Puts back what the former poller left. Call it with the poller lock held. `children` may still run. */
  recover(input: { account: string; former: string | null; retries: number; nowMs: number }): Promise<{
    failed: StartedTurn[];
    children: Child[];
  }>;
  /** Records a child process for the next {@link Turns.recover}: of the running message `id`, or null: of no message. */
  recordChild(input: { account: string; id: string | null; child: Child }): Promise<void>;
  /** Forgets a process that was recorded without a message: it has ended. */
  forgetChild(input: { account: string; child: Child }): Promise<void>;
}
