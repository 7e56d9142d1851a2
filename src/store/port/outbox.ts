import type { ChatLanguage } from '../../core/message/language.ts';
import type { ShownAs } from '../../core/message/media.ts';
import type { Asked } from './access.ts';

export type PartState =
  | 'delayed'
  | 'queued'
  | 'uploading'
  | 'sending'
  | 'confirmed'
  | 'unconfirmed'
  | 'held'
  | 'refused'
  | 'merged'
  | 'fallback'
  | 'expired';

/** States of a part that is not final: it still waits for its verdict or for its user. */
export const OPEN_PART_STATES: readonly PartState[] = ['delayed', 'queued', 'uploading', 'sending', 'held'];

/** What a part is: from the agent, from wxagent itself, from `send`, or asking the user for a word (`--keep-window`). */
export type PartOrigin = 'answer' | 'notice' | 'send' | 'keeper';

/** A file to be sent: a private copy, kept until the part is final. */
export interface PartFile {
  path: string;
  /** The name the phone shows. */
  name: string;
  /** How the phone shows it. */
  kind: ShownAs;
  /** Its size, and its hex md5; null in parts that an older version queued. */
  sizeBytes: number | null;
  md5: string | null;
  /** Its bytes, where the step that queues its part is to store them; not kept in the part. */
  content?: Uint8Array;
}

/** A part to be queued: a text, or a file. */
export interface NewPart {
  clientId: string;
  origin: PartOrigin;
  /** Groups all parts of one turn (`run_id`). */
  runId: string | null;
  text: string;
  file: PartFile | null;
  /** It is dropped if it is not sent until then; not given: as what it is queued with. */
  expiresAtMs?: number | null;
}

/** A held part that is about to be released. */
export interface HeldPart {
  text: string;
  file: PartFile | null;
  createdAtMs: number;
  origin: PartOrigin;
}

/** What held parts are merged into when their user writes again, in the order of sending. */
export type MergedHolds = { text: string; file: PartFile | null }[];

/** A part as lists and logs show it. */
export interface PartView {
  seq: number;
  account: string;
  user: string;
  clientId: string;
  message: string | null;
  origin: PartOrigin;
  kind: 'text' | ShownAs;
  text: string;
  file: PartFile | null;
  state: PartState;
  reason: string | null;
  serverId: string | null;
  createdAtMs: number;
  heldAtMs: number | null;
  /** When it is given up if it is not sent by then (`--ttl`). */
  expiresAtMs: number | null;
  /** The part this one was merged into. */
  mergedInto: number | null;
}

export interface ClaimedPart {
  seq: number;
  user: string;
  /** The exact bytes to send; the same on every repeat. */
  body: Buffer;
  /** Sends of this part so far whose result stayed unknown. */
  repeats: number;
  /** The part in its present state. */
  view: PartView;
}

/** Result of {@link Outbox.claimPart}. */
export type Claim =
  | { kind: 'part'; part: ClaimedPart }
  /** A file that has to be uploaded before it can be sent. */
  | { kind: 'upload'; seq: number; user: string; file: PartFile; tries: number }
  /** No part may go now; ask again after `waitMs`. */
  | { kind: 'wait'; waitMs: number }
  /** There is nothing to send, or only held parts. `held`: the parts that this call has put on hold. */
  | { kind: 'nothing'; held: PartView[] };

/** What became of the parts that a step has queued. */
export interface QueuedParts {
  /** The claim of the first one, if the step was asked for it. */
  claim: Claim | null;
  /** Those that are held at once, because held parts are ahead of them. */
  held: PartView[];
}

/** What the wire needs to send one part. */
export interface PartContent {
  user: string;
  clientId: string;
  contextToken: string | null;
  runId: string | null;
  text: string;
  /** The result of a file's upload, see {@link Outbox.settleUpload}; null for a text. */
  upload: string | null;
}

/** Asks for the next part of a user. */
export interface ClaimRequest {
  account: string;
  user: string;
  nowMs: number;
  /** Milliseconds between parts of this account after the first two; 0 turns the pace off. */
  paceMs: number;
  /** Writes the request body of a part. */
  encode: (part: PartContent) => Buffer;
  /** Writes the part that asks for a word before the budget is spent; without it nobody is asked. */
  ask?: (language: ChatLanguage | null) => NewPart;
}

/** How the server answered a sendmessage. */
export type SendReply =
  | { kind: 'accepted'; messageId: string | null }
  | { kind: 'refused'; code: number; errmsg: string }
  /** An HTTP status that faults the request itself: 4xx except 408, 425, 429. */
  | { kind: 'rejected'; status: number }
  /** It may have arrived: no response, 5xx, an unreadable body. */
  | { kind: 'unknown'; detail: string }
  /** It has not arrived: no connection, or the server did not process it (425, 429). */
  | { kind: 'unsent'; detail: string };

/** An upload that a living process is running. */
export interface UploadView {
  seq: number;
  /** How much of it is uploaded; null: unknown as yet. */
  progress: { sentBytes: number; totalBytes: number } | null;
}

/** How an upload ended. `upload` is stored with the part and passed to `encode`. */
export type UploadResult =
  | { kind: 'uploaded'; upload: string }
  | { kind: 'refused'; reason: string }
  | { kind: 'retry'; detail: string };

/** What a request has shown about a part. */
export interface Verdict {
  part: PartView;
  /** How long to wait before the user's next part; null: not at all. */
  waitMs: number | null;
  /** Other parts of the user that this verdict put on hold. */
  held: PartView[];
  /** Messages the user may still get before they must write again. */
  budgetLeft: number;
  /** Whether the poll session is to be renewed before the user's next part. */
  renewsPolls: boolean;
  /** The next claim, if the step was asked for it or found it anyway. */
  next: Claim | null;
}

/** What `send` was given. */
export interface SendRequest {
  account: string;
  user: string;
  parts: NewPart[];
  /** Message this answers, when sent from inside an agent. */
  message: string | null;
  /** `--id`: if parts were queued with this key before, they are returned and no new ones queued. */
  id: string | null;
  /** `--key`: queued and held parts with this key are replaced. */
  key: string | null;
  /** `--ttl`: when a part that is not sent yet is dropped. */
  expiresAtMs: number | null;
  /** Given for what a source pushes. */
  push?: PushRequest | undefined;
  nowMs: number;
}

/** The parts of one text that were not confirmed in time, for the command that tells somebody of them another way. */
export interface Fallback {
  /** As they are to be told: before the command had them. */
  parts: PartView[];
  /** What was known of them then. */
  verdict: PartState;
  /** How often a command was started for them, this time included. */
  attempt: number;
  /** The source that has pushed them, and its command; null: none, or none of its own. */
  source: string | null;
  command: string | null;
}

/** Asks for what was not confirmed in time. */
export interface FallbackRequest {
  account: string;
  /** How long a text may be unconfirmed, where its source does not say; null: for ever. */
  withinMs: number | null;
  /** No time at all: nobody will send anything soon. */
  atOnce?: boolean;
  nowMs: number;
}

/** A push of a source: it may have to wait for the rule of its source, and for others. */
export interface PushRequest {
  source: string;
  /** Of the token that was shown: rejects with {@link SourceGone} when no source of this name has it. */
  digest: string;
  /** It waits for nothing. */
  isImportant: boolean;
  /** Makes the text of pushes, as in {@link PushTeller}. */
  tell: PushTeller;
}

export interface ToldPush {
  source: string;
  text: string;
  cameAtMs: number;
  reason: string | null;
}

/** What is told of pushes that are counted only: how many there are, how many of them for what reason, and the last. */
export interface ToldOthers {
  count: number;
  limit: number;
  quiet: number;
  lastAtMs: number;
}

/** What is told of one push, or of several in one text. */
export interface ToldPushes {
  /** The first of them, and others behind them. */
  pushes: readonly ToldPush[];
  others: ToldOthers;
  /** Pushes that were not kept because too many wait, and those whose `--ttl` has ended. */
  uncounted: number;
  /** How many wait longer. */
  waiting: number;
  /** Nothing more can be sent until the user writes. */
  isLast: boolean;
  /** The user was asked for a word already since they last wrote. */
  isAsked: boolean;
}

/** Makes one text of pushes, and says what was left out. `language` is the user's, where it is known. */
export type PushTeller = (told: ToldPushes, language: ChatLanguage | null) => string;

/** What a user may still get before they must write again. */
export interface Budget {
  /** Messages, queued ones included. */
  left: number;
  /** Parts that are queued and not being sent. */
  queued: number;
  /** The 24-hour window is open and something is left. */
  isOpen: boolean;
}

/** The parts on their way to users. */
export interface Outbox {
  /** Queues the parts of a `send` behind everything the user has queued. */
  enqueue(request: SendRequest): Promise<PartView[]>;
  /** Users who have pushes that waited and may go now, in any account. */
  duePushes(nowMs: number): Promise<{ account: string; user: string }[]>;
  /**
   * Queues the pushes of a user that waited and may go now, joined. Whoever commits it first has done it. Of very many it
   * only joins some, so that nothing else waits for long: `isMore`, until they are few.
   */
  releasePushes(input: {
    account: string;
    user: string;
    nowMs: number;
    tell: PushTeller;
  }): Promise<{ queued: PartView[]; isMore: boolean }>;
  /** Users of the account who have parts to deliver. */
  usersToDeliver(account: string): Promise<string[]>;
  /** Queues the part that asks for a word, unless they wrote or were asked since `messageSeq`, or it would be held. */
  askForWord(input: {
    account: string;
    user: string;
    messageSeq: number;
    part: NewPart;
    nowMs: number;
  }): Promise<QueuedParts>;
  /** Claims the next part of a user for one request, if one may go now. */
  claimPart(request: ClaimRequest): Promise<Claim>;
  /** Keeps the lease on a user for as long again, during an upload, which may take minutes. */
  renewLease(input: { account: string; user: string; nowMs: number }): Promise<void>;
  /** Gives a claimed part back unsent. */
  returnPart(input: { account: string; seq: number }): Promise<void>;
  /**
   * Commits the server's reply to a claimed part. With `next` it claims the user's next part in the same transaction.
   * `known` is the `view` of the claim, so that the part is not read again. `canRenewPolls`: the caller can renew its poll
   * session, where that may cure a refusal.
   */
  settlePart(input: {
    account: string;
    seq: number;
    known?: PartView;
    reply: SendReply;
    canRenewPolls?: boolean;
    nowMs: number;
    next?: ClaimRequest | null;
  }): Promise<Verdict>;
  /**
   * Commits how the upload of a claimed file ended. Where a file of a reply was refused, the parts of `noticeOf` are
   * queued in the same transaction; `language` is the user's, where it is known.
   */
  settleUpload(input: {
    account: string;
    seq: number;
    result: UploadResult;
    nowMs: number;
    noticeOf?: (file: PartFile, language: ChatLanguage | null) => NewPart[];
  }): Promise<Verdict>;
  /** Records the progress of an upload, for the processes that wait for it. */
  recordUpload(input: { account: string; seq: number; sentBytes: number; totalBytes: number }): Promise<void>;
  /** The running upload to a user; null: none, or one whose process is gone. */
  runningUpload(input: { account: string; user: string; nowMs: number }): Promise<UploadView | null>;
  parts(seqs: readonly number[]): Promise<PartView[]>;
  /** Parts in these states (null: in any), newest first, before the one with this number (null: from the newest on). */
  partPage(input: {
    account: string;
    user: string | null;
    states: readonly PartState[] | null;
    beforeSeq: number | null;
    limit: number;
  }): Promise<PartView[]>;
  /** Parts that are not final, oldest first. */
  openParts(account: string): Promise<PartView[]>;
  /** Drops parts that are not final and returns them; those whose result is unknown become `unconfirmed`. */
  dropParts(
    input: Asked & {
      account: string;
      seqs: readonly number[];
      reason: string;
      /** Keeps the parts that a living process is sending. */
      exceptSending?: boolean;
      nowMs: number;
    },
  ): Promise<PartView[]>;
  /** Accounts with a source that has a command of its own. */
  accountsWithFallback(): Promise<string[]>;
  /** Whether {@link claimFallback} would find something. */
  isFallbackDue(input: FallbackRequest): Promise<boolean>;
  /**
   * Claims what `send` or a source wrote and is not confirmed in time, for a command: nothing else sends it from now on.
   * What is important is late as soon as only the user, or a login, can help. For `leaseMs` no other process takes it,
   * unless this one is dead. null: there is nothing.
   */
  claimFallback(input: FallbackRequest & { leaseMs: number }): Promise<Fallback | null>;
  /**
   * Commits how the command has ended. Done, the parts are final (`fallback`). Otherwise they are claimed once more after
   * a pause, and in the end they are what they were: still to be sent, or `unconfirmed`.
   */
  settleFallback(input: {
    account: string;
    seqs: readonly number[];
    isDone: boolean;
    nowMs: number;
  }): Promise<PartView[]>;
  /** Queues the parts again that expired while held. Returns how many. */
  requeueExpired(input: Asked & { account: string }): Promise<number>;
  /** Which of these outgoing files no part needs any more, not even after a power cut. */
  unneededFiles(paths: readonly string[]): Promise<string[]>;
  /** Messages the user may still get, how many of them are queued, and whether one may be sent now. */
  budget(input: { account: string; user: string; nowMs: number }): Promise<Budget>;
}
