import type { ChatLanguage } from '../../core/message/language.ts';
import type { FailureReason } from '../../core/message/message.ts';
import type { ChatTerms, ChatText } from './chat-port.ts';
import type { HeldPart, MergedHolds } from './outbox-port.ts';

/** Where a message of the inbox stands (design 3). */
export type MessageState = 'received' | 'running' | 'waiting' | 'done' | 'failed' | 'ignored' | 'superseded';

/** A key that came with a file of this md5. */
export interface MediaKey {
  md5: string;
  key: Buffer;
}

/** A message as the wire delivered it, ready to be committed. `raw` is kept whole, unknown fields included. */
export interface IncomingMessage {
  /** The server's id, or null where it named none. */
  id: string | null;
  user: string;
  createdAtMs: number | null;
  /** The same by the clock that ages are counted with, where that is far from it: budget and window go by this. */
  steadyAtMs?: number;
  contextToken: string | null;
  kind: string;
  /** Keys to the files it brings and quotes, for those that are sent again (protocol 5.3). */
  mediaKeys: MediaKey[];
  /** How many of its items are of no kind we know. */
  unknownItems: number;
  /** Digest of the content only: equal for two deliveries of one message. */
  fingerprint: string;
  raw: Buffer;
  /** Why the agent is not to see it; null when it is. */
  ignore: string | null;
  /** What it says; null when it says nothing. */
  chat: ChatText | null;
  /** The language it is written in; null where it does not tell. */
  language: ChatLanguage | null;
}

/** What decides about new messages: who may write, what counts as said twice, how what is said is taken. */
export interface TriageTerms {
  /** Users allowed beside the owner; 'all' lets everyone in. */
  allow: ReadonlySet<string> | 'all';
  /** Content seen again within this time counts as a duplicate; 0 turns it off (`--dedupe-window`). */
  dedupeWindowMs: number;
  chat: ChatTerms;
}

/** Decides about the messages that others have taken in for {@link Store.triage}. */
export interface Triage extends TriageTerms {
  account: string;
  nowMs: number;
  /** What a stored message says, and why the agent is not to see it: see {@link IncomingMessage}. */
  read: (raw: Buffer, createdAtMs: number | null) => Pick<IncomingMessage, 'ignore' | 'chat' | 'language'>;
}

/** What a poll brought, to be committed in one step. */
export interface Intake extends TriageTerms {
  account: string;
  /**
   * `later`: whoever polls serves nobody (`send`, `login`). The messages wait, and {@link Store.triage} decides about
   * them on the terms of the runner that takes them up; those of this intake count for nothing.
   */
  triage?: 'now' | 'later';
  /** Digest of the token that polled: a newer login must not be overwritten (design 4). */
  login: string;
  /** New cursor; null keeps the old one. */
  cursor: string | null;
  messages: IncomingMessage[];
  nowMs: number;
  /** Turns the held parts of a user who wrote again into what is sent first. */
  merge: (held: HeldPart[], expired: number, language: ChatLanguage | null) => MergedHolds;
}

/** What became of each message of an {@link Intake}, in its order. */
export interface IntakeResult {
  messages: {
    seq: number;
    id: string;
    user: string;
    /**
     * `command`: obeyed in this step, nothing is left to do but to end what it has superseded. `answer`: to the
     * question asked; a message like any other until {@link Store.finishAnswer}.
     */
    state: 'received' | 'ignored' | 'duplicate' | 'command' | 'answer';
    reason: string | null;
  }[];
  /** Messages that were unfinished and are not to be answered any more; their turns may be at work. */
  superseded: { seq: number; user: string }[];
  /** Finished messages that run again. */
  again: { seq: number; user: string }[];
  /** Users whose held parts were queued again. */
  released: string[];
  /** Set when this intake made somebody the owner of an account that had none. */
  learnedOwner: string | null;
}

/** A message that is still to be started: what a lane needs to know of it. */
export interface LaneEntry {
  seq: number;
  user: string;
  /** Not to be started before this wall-clock time; null: at once. */
  notBeforeMs: number | null;
}

/** A message whose turn has just been committed as started, or the first of several that are one turn (`--merge`). */
export interface StartedTurn {
  seq: number;
  id: string;
  user: string;
  /** Whether the owner wrote it. */
  isOwner: boolean;
  /** The language of the user's last text that had one; null: none had. */
  language: ChatLanguage | null;
  /** What was written, in order, and from where on each text is for the agent (UTF-16 units). */
  said: { raw: Buffer; textFrom: number }[];
  receivedAtMs: number;
  sessionId: string;
  turn: number;
  attempt: number;
  /** Failures counted towards `--retries` so far. */
  failures: number;
  /** Digests of what earlier attempts have queued while they ran, in order. */
  outputs: string[];
}

/** What the end of a turn needs to know of it. */
export type EndedTurn = Pick<StartedTurn, 'seq' | 'id' | 'user' | 'said'>;

/** A message that is not to be started before this wall-clock time: its user may still be writing. */
export interface NotYet {
  notBeforeMs: number;
}

/** A child process, told apart from a later one with the same pid by when it started. */
export interface Child {
  pid: number;
  startTime: string;
}

/** How a turn ended, for `finishTurn`. */
export type TurnResult =
  | { kind: 'done' }
  | { kind: 'failed'; reason: FailureReason | 'crash'; detail: string }
  /** Runs again at `notBeforeMs`; `counts` adds to the failures that `--retries` limits. */
  | { kind: 'again'; notBeforeMs: number; counts: boolean; detail: string };

/** Where an agent keeps a text: under a name, in one session of a user. */
export interface SessionPlace {
  account: string;
  user: string;
  sessionId: string;
  name: string;
}

/** What a user quotes: a message received, or a part that was sent, with what the CDN gave for its file. */
export type QuotedContent =
  | { kind: 'message'; raw: Buffer }
  | { kind: 'part'; text: string; upload: string | null };

/** One message as `messages` lists it. */
export interface MessageView {
  seq: number;
  id: string;
  user: string;
  state: MessageState;
  reason: string | null;
  /** Why it failed, or why it has to run again: the end of what the agent wrote to stderr. */
  detail: string | null;
  kind: string;
  receivedAtMs: number;
  attempt: number;
  raw: Buffer;
}
