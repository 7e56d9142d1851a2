/** A message as everything above the wire sees it. Ids are strings: the server's are uint64 (protocol 10.3). */

/** What a message consists of; `mixed` has items of several kinds. */
export type MessageKind = 'text' | 'image' | 'voice' | 'file' | 'video' | 'mixed';

/** A picture, sound, video or file that came with a message, as an agent gets it. */
export interface Attachment {
  kind: 'image' | 'voice' | 'file' | 'video';
  /** Where it lies on disk; null when it could not be fetched, then `error` says why. */
  path: string | null;
  /** Where a service can fetch it while the turn runs (`--http-attachments url`); `path` is null then. */
  url?: string;
  /** Its bytes (`--http-attachments inline`); `path` is null then. */
  base64?: string;
  name: string | null;
  mime: string | null;
  sizeBytes: number | null;
  durationMs: number | null;
  error: string | null;
}

/** What the user quoted. */
export interface Quote {
  id: string | null;
  text: string;
  attachments: Attachment[];
}

/** One start of the agent for one message: all that an agent may know. As JSON it is a {@link MessageEvent}. */
export interface Turn {
  id: string;
  account: string;
  accountName: string | null;
  user: string;
  sessionId: string;
  turn: number;
  /** When the user wrote it, milliseconds since 1970. */
  timeMs: number;
  kind: MessageKind;
  text: string;
  attachments: Attachment[];
  quote: Quote | null;
  /** Starts of the agent for this message, this one included. */
  attempt: number;
}

/** A piece of a reply, in the order it is to arrive; `missing` is a file of it that cannot be sent. */
export type ReplyPiece = { text: string } | { file: string; name: string | null } | { missing: MissingFile };

/** A file that an answer names and that cannot be sent: the user is told its name and the reason, the log the detail. */
export interface MissingFile {
  name: string;
  reason: MissingReason;
  detail: string;
  /** What to do, where that is not plain from the reason. */
  hint?: string;
}

/** Why a file of an answer is not sent. */
export type MissingReason = 'too-large' | 'too-many' | 'not-found' | 'unreadable';

/** Most files of one answer: nobody looks at more. */
export const MAX_ANSWER_FILES = 1_000;

/** Why a turn failed for good. */
export type FailureReason =
  | 'exit'
  | 'signal'
  | 'timeout'
  | 'spawn'
  | 'too-large'
  | 'bad-output'
  | 'http'
  | 'cancelled';

/** What the agent came back with. Outcomes are values, never exceptions. */
export type Outcome =
  | { kind: 'reply'; pieces: ReplyPiece[] }
  | { kind: 'silent' }
  /**
   * Run this message again later; `afterMs` null means the usual delays. `isShortage`: this machine was
   * short of something, so that it counts for nothing against the agent. `reason`: what it fails for when it is not run
   * again; `exit` unless told otherwise.
   */
  | {
      kind: 'retry';
      afterMs: number | null;
      detail: string;
      stderr?: string;
      isShortage?: boolean;
      reason?: FailureReason;
    }
  /**
   * `stderr`: the end of what it wrote there, at most 4 KiB, where that is more than `detail` says; kept with the
   * message. `again` false: no other try would help before somebody has done what `hint` says.
   */
  | { kind: 'failed'; reason: FailureReason; detail: string; stderr?: string; hint?: string; again?: false };

/** The event of docs/agents.md: what JSON agents, HTTP agents and `listen --json` receive. */
export interface MessageEvent extends Omit<Turn, 'accountName' | 'timeMs'> {
  v: 1;
  type: 'message';
  /** When the user wrote it, ISO 8601, UTC. */
  time: string;
}

export function eventOf(turn: Turn): MessageEvent {
  return {
    v: 1,
    type: 'message',
    id: turn.id,
    account: turn.account,
    user: turn.user,
    sessionId: turn.sessionId,
    turn: turn.turn,
    time: new Date(turn.timeMs).toISOString(),
    kind: turn.kind,
    text: turn.text,
    attachments: turn.attachments,
    quote: turn.quote,
    attempt: turn.attempt,
  };
}
