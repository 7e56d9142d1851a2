import type {
  Child,
  EndedTurn,
  Intake,
  IntakeResult,
  LaneEntry,
  MessageView,
  NotYet,
  QuotedContent,
  SessionPlace,
  StartedTurn,
  Triage,
  TurnResult,
} from './inbox-port.ts';
import type {
  Claim,
  DeliveryTerms,
  NewPart,
  PartState,
  PartView,
  QueuedParts,
  SendReply,
  SendRequest,
  UploadResult,
  UploadView,
  Verdict,
} from './outbox-port.ts';
import type { AccountView, AllowedUser, Budget, Retention } from './views-port.ts';

export type * from './chat-port.ts';
export type * from './inbox-port.ts';
export type * from './outbox-port.ts';
export type * from './views-port.ts';

/**
 * The durable inbox and outbox of all accounts of one home; any number of processes may use it at
 * once. Every operation is a named step of the way a message goes (design 3), none is a table, and
 * nothing outside `store/` knows what is behind it. Steps are atomic. Callbacks (`encode`, `merge`)
 * may be called again when a step is repeated. All reject with WxError `storage` when the disk fails.
 */
export interface Store {
  /** Makes the account known; a changed `login` is a takeover: cursor and tokens are cleared, `queued` parts held (design 4). */
  openAccount(input: { account: string; login: string; owner: string | null; nowMs: number }): Promise<{
    cursor: string;
    loginExpired: boolean;
    owner: string | null;
  }>;
  /**
   * The process that receives the account's messages, other than the caller: only one that lives for certain, because
   * its lock says so of any other. Null: nobody.
   */
  poller(account: string): Promise<Poller | null>;
  /** Notes that the caller, who has the poller lock, receives from here on; the one that does already, or null. */
  becomePoller(input: { account: string; purpose: Poller['purpose'] }): Promise<Poller | null>;
  /** Notes that the caller receives no more. */
  endPolling(account: string): Promise<void>;
  /**
   * After the poller lock was won: puts back what the former poller left (`running` messages, its
   * leases). `failed` have had their last try; `children` may still run.
   */
  recover(input: { account: string; former: string | null; retries: number; nowMs: number }): Promise<{
    failed: StartedTurn[];
    children: Child[];
  }>;
  /**
   * Records a process of the agent, for the next {@link Store.recover}: that of the running turn of the message
   * `id`, or with null one that lives until it is forgotten.
   */
  noteChild(input: { account: string; id: string | null; child: Child }): Promise<void>;
  /** Forgets a process that was recorded without a message: it has ended. */
  forgetChild(input: { account: string; pid: number }): Promise<void>;
  /**
   * Commits a poll: messages, cursor and released holds.
   */
  takeIn(intake: Intake): Promise<IntakeResult>;
  /** Decides about what was taken in with triage `later`, for the runner that is to serve it: once. */
  triage(input: Triage): Promise<IntakeResult>;
  /**
   * Resolves when all that this process has committed by now is on the disk. What is committed is flushed before a
   * request tells anybody of it: before the next poll, whose cursor makes the server forget, and before a
   * `sendmessage`. {@link Store.close} flushes before the process ends, {@link Store.unneededFiles} before files go.
   */
  flush(): Promise<void>;
  /** Notes that polling works, for `status`. */
  notePoll(input: { account: string; nowMs: number }): Promise<void>;
  /** Notes that this login is dead, or works. */
  markLogin(input: { account: string; login: string; expired: boolean }): Promise<void>;

  /** All messages that are still to be started, in order of arrival; not those that run, or wait for {@link Store.triage}. */
  unfinished(account: string): Promise<LaneEntry[]>;
  /** What messages that still have to run say, for what they need to be kept. */
  unfinishedContent(account: string): Promise<{ user: string; raw: Buffer }[]>;
  /**
   * What a user quotes, by the id the server gave it, else by its time where that is plain. Null when it is not, or
   * no more, stored.
   */
  quoted(input: {
    account: string;
    user: string;
    id: string | null;
    /** When the quoted message was written, to the second; null: not known. */
    aroundMs: number | null;
  }): Promise<QuotedContent | null>;
  /**
   * Commits the start of a turn; null when the message is not to run any more. With `mergeMs` the user's messages
   * that follow within that time of each other are part of it, once they have been quiet for as long.
   */
  startTurn(input: {
    account: string;
    seq: number;
    mergeMs: number;
    nowMs: number;
  }): Promise<StartedTurn | NotYet | null>;
  /** Ends a message that was the answer to a question of a turn; its content, or null when it has ended already. */
  finishAnswer(input: { account: string; seq: number; nowMs: number }): Promise<Buffer | null>;
  /**
   * Commits what a running turn has said: its parts, and its digest as the `index`-th output of the message. A
   * later attempt finds the digests in {@link StartedTurn}; from `index` on they are replaced.
   */
  queueOutput(input: {
    account: string;
    seq: number;
    output: { index: number; digest: string };
    parts: NewPart[];
    nowMs: number;
    claim: DeliveryTerms | null;
  }): Promise<QueuedParts>;
  /** Commits a notice about a running turn; queues nothing when its user was told anything for this message before. */
  queueNotice(input: {
    account: string;
    seq: number;
    parts: NewPart[];
    nowMs: number;
    claim: DeliveryTerms | null;
  }): Promise<QueuedParts>;
  /** Commits the end of a turn together with the parts of its answer, unless the message was superseded meanwhile. */
  finishTurn(input: {
    account: string;
    turn: EndedTurn;
    result: TurnResult;
    parts: NewPart[];
    nowMs: number;
    /** Claims the first part in the same step when nothing is ahead of it. */
    claim: DeliveryTerms | null;
  }): Promise<QueuedParts>;
  /** What an agent has kept under this name in this session; null: nothing. */
  sessionValue(place: SessionPlace): Promise<string | null>;
  /** Keeps a text there in place of the one before, for as long as the session is the user's; null forgets it. */
  setSessionValue(input: SessionPlace & { value: string | null; nowMs: number }): Promise<void>;
  /** Marks messages to be run again: one by id, or all failed ones. Returns how many. */
  retry(input: { account: string; id: string | null }): Promise<number>;

  /** Users that may write beside the owner, oldest entry first. */
  allowed(account: string): Promise<AllowedUser[]>;
  /** Lets a user in, or no more; the next intake knows. False when that was so already. */
  setAllowed(input: { account: string; user: string; allowed: boolean; nowMs: number }): Promise<boolean>;

  /** Queues what `send` was given behind whatever the user has waiting. */
  enqueue(request: SendRequest): Promise<PartView[]>;
  /** Users of the account that have parts to deliver. */
  usersToDeliver(account: string): Promise<string[]>;
  /** Takes the next part of a user for one request, if one may go now. */
  claimPart(terms: DeliveryTerms): Promise<Claim>;
  /**
   * Commits what the server said of a claimed part. With `next` it claims the user's next one in the same step. Where the claim told its `view`,
   * `known` spares reading the part.
   */
  settlePart(input: {
    account: string;
    seq: number;
    known?: PartView;
    reply: SendReply;
    nowMs: number;
    next?: DeliveryTerms;
  }): Promise<Verdict>;
  /** Commits how the upload of a claimed file ended. */
  settleUpload(input: {
    account: string;
    seq: number;
    result: UploadResult;
    nowMs: number;
  }): Promise<Verdict>;
  /** Notes how far the upload of a claimed file is, for whoever waits for it. */
  noteUpload(input: { account: string; seq: number; sentBytes: number; totalBytes: number }): Promise<void>;
  /** The upload to a user that is under way; null: none, or only one whose process is gone. */
  upload(input: { account: string; user: string; nowMs: number }): Promise<UploadView | null>;
  /** Keeps the claim on a user for as long again: for uploads, which may take minutes. */
  renewLease(input: { account: string; user: string; nowMs: number }): Promise<void>;
  /** Gives a claimed part back unsent. */
  returnPart(input: { account: string; seq: number }): Promise<void>;
  /** The parts with these numbers as they stand. */
  parts(seqs: readonly number[]): Promise<PartView[]>;
  /** Parts that are not final, oldest first. */
  openParts(account: string): Promise<PartView[]>;
  /** Takes parts that wait out of the outbox; those whose result is unknown become `unconfirmed`. Returns them. */
  dropParts(input: {
    account: string;
    seqs: readonly number[];
    reason: string;
    /** Leaves what a living process is sending as it is. */
    sparesSending?: boolean;
    nowMs: number;
  }): Promise<PartView[]>;
  /** Queues parts that have expired while held again. Returns how many. */
  requeueExpired(input: { account: string }): Promise<number>;
  /** Which of these outgoing files no part needs any more, also after a power cut. */
  unneededFiles(paths: readonly string[]): Promise<string[]>;
  /** Lets held parts expire and forgets what is finished for long; a bounded piece of work. Returns whether there is more. */
  sweep(retention: Retention): Promise<boolean>;

  /** Messages the user may still get, how many of them are queued already, and whether one may be sent now at all (design 3). */
  budget(input: { account: string; user: string; nowMs: number }): Promise<Budget>;
  /** The user's last context token, for typing. */
  contextToken(input: { account: string; user: string }): Promise<string | null>;
  /** What `status` shows of an account; null when the store has never seen it. */
  accountView(account: string): Promise<AccountView | null>;
  /** Messages as `messages` lists them, oldest first. */
  messages(input: {
    account: string;
    user: string | null;
    sinceMs: number | null;
    limit: number;
  }): Promise<MessageView[]>;
  /** One message as `messages` lists it; null when it is not, or no more, stored. */
  message(input: { account: string; id: string }): Promise<MessageView | null>;
  /** Keys that came with files of this md5, the oldest first: of a file sent again, only the first is right (protocol 5.3). */
  mediaKeys(input: { account: string; md5: string }): Promise<Buffer[]>;
  /** Looks the whole database over: null, or what is wrong with it. */
  verify(): Promise<string | null>;
  /** Keeps some space free for a full disk, if there is room; never fails. */
  keepReserve(): Promise<void>;
  /** A number that changes whenever another process has committed. Throws WxError `storage` when {@link Store.isLost}. */
  changes(): number;
  /** What is stored was deleted or replaced under this process, which reads it as long as it lives; every step rejects. */
  readonly isLost: boolean;
  close(): Promise<void>;
}

/** A process that receives an account's messages, to serve, or to look once. */
export interface Poller {
  claimant: string;
  purpose: 'serve' | 'look';
}

/** States in which a part still waits for its verdict or for its user. */
export const OPEN_PART_STATES: readonly PartState[] = ['queued', 'uploading', 'sending', 'held'];
