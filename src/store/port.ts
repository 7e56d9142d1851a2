/**
 * The store port: every operation is a named step of the way a message goes
 * (design 3), none is a table. Nothing outside `store/` knows what is behind it.
 * All steps are atomic and durable as documented; callbacks passed in
 * (`encode`, `merge`) are pure and may be called again when a step is repeated.
 */

/** Where a message of the inbox stands (design 3). */
export type MessageState = 'received' | 'running' | 'waiting' | 'done' | 'failed' | 'ignored' | 'superseded';

/** Where a part of the outbox stands (design 3). */
export type PartState =
  | 'queued'
  | 'uploading'
  | 'sending'
  | 'confirmed'
  | 'unconfirmed'
  | 'held'
  | 'refused'
  | 'merged'
  | 'expired';

/** Why a part is held until the user writes again, or until a clock runs out (design 3). */
export type HoldReason = 'quota' | 'window' | 'throttle' | 'context' | 'first-contact' | 'code';

/** A message as the wire delivered it, ready to be committed. `raw` is kept whole, unknown fields included. */
export interface IncomingMessage {
  /** The server's id, or null where it named none. */
  id: string | null;
  user: string;
  createdAtMs: number | null;
  contextToken: string | null;
  kind: string;
  /** Digest of the content only: equal for two deliveries of one message. */
  fingerprint: string;
  raw: Buffer;
  /** Why the agent is not to see it; null when it is. */
  ignore: string | null;
}

/** What a poll brought, to be committed in one step. */
export interface Intake {
  account: string;
  /** Digest of the token that polled: a newer login must not be overwritten (design 4). */
  login: string;
  /** New cursor; null keeps the old one. */
  cursor: string | null;
  messages: IncomingMessage[];
  /** Users allowed beside the owner; 'all' lets everyone in. */
  allow: ReadonlySet<string> | 'all';
  /** Content seen again within this time counts as a duplicate; 0 turns it off (`--dedupe-window`). */
  dedupeWindowMs: number;
  nowMs: number;
  /** Turns the held texts of a user who wrote again into what is sent first. */
  merge: (held: HeldText[]) => string[];
}

/** A held text about to be released. */
export interface HeldText {
  text: string;
  createdAtMs: number;
  origin: PartOrigin;
}

/** What became of each message of an {@link Intake}, in its order. */
export interface IntakeResult {
  messages: {
    seq: number;
    id: string;
    user: string;
    state: 'received' | 'ignored' | 'duplicate';
    reason: string | null;
  }[];
  /** Users whose held parts were queued again. */
  released: string[];
  /** Set when this intake made somebody the owner of an account that had none. */
  learnedOwner: string | null;
}

/** A message that is not finished: what a lane needs to know of it. */
export interface LaneEntry {
  seq: number;
  user: string;
  /** Not to be started before this wall-clock time; null: at once. */
  notBeforeMs: number | null;
}

/** A message whose turn has just been committed as started. */
export interface StartedTurn {
  seq: number;
  id: string;
  user: string;
  raw: Buffer;
  receivedAtMs: number;
  sessionId: string;
  turn: number;
  attempt: number;
  /** Failures counted towards `--retries` so far. */
  failures: number;
}

/** Who wrote a part. */
export type PartOrigin = 'answer' | 'notice' | 'send';

/** A part to be queued. */
export interface NewPart {
  clientId: string;
  origin: PartOrigin;
  /** Groups all parts of one turn (`run_id`). */
  runId: string | null;
  text: string;
}

/** A child process, told apart from a later one with the same pid by when it started. */
export interface Child {
  pid: number;
  startTime: string;
}

/** How a turn ended, for {@link Store.finishTurn}. */
export type TurnResult =
  | { kind: 'done' }
  | { kind: 'failed'; reason: string; detail: string }
  /** Runs again at `notBeforeMs`; `counts` adds to the failures that `--retries` limits. */
  | { kind: 'again'; notBeforeMs: number; counts: boolean; detail: string };

/** A part as lists and logs show it. */
export interface PartView {
  seq: number;
  account: string;
  user: string;
  clientId: string;
  message: string | null;
  origin: PartOrigin;
  kind: 'text' | 'file';
  text: string;
  state: PartState;
  reason: string | null;
  serverId: string | null;
  createdAtMs: number;
  heldAtMs: number | null;
}

/** A part claimed for one request. */
export interface ClaimedPart {
  seq: number;
  user: string;
  clientId: string;
  message: string | null;
  /** The exact bytes to send; the same on every repeat (design 3). */
  body: Buffer;
  /** Sends of this part so far whose result stayed unknown. */
  repeats: number;
}

/** What {@link Store.claimPart} found. */
export type Claim =
  | { kind: 'part'; part: ClaimedPart }
  /** Nothing can go now; ask again after `waitMs`. */
  | { kind: 'wait'; waitMs: number }
  /** Nothing to send, or only held parts. `held` are the parts this call has put on hold. */
  | { kind: 'nothing'; held: PartView[] };

/** What the wire needs to send one part. */
export interface PartContent {
  user: string;
  clientId: string;
  contextToken: string | null;
  runId: string | null;
  text: string;
}

/** Who delivers, and how fast. */
export interface DeliveryTerms {
  account: string;
  user: string;
  nowMs: number;
  /** Milliseconds between parts of this account beyond the first two; 0 turns the pace off. */
  paceMs: number;
  /** Makes the request body of a part. */
  encode: (part: PartContent) => Buffer;
}

/** How the server answered a sendmessage. */
export type SendReply =
  | { kind: 'accepted'; messageId: string | null }
  | { kind: 'refused'; code: number; errmsg: string }
  /** An HTTP status that says the request itself is wrong: 4xx but 408, 425, 429. */
  | { kind: 'rejected'; status: number }
  /** It may have arrived or not: no answer, 5xx, a body that is not understood. */
  | { kind: 'unknown'; detail: string };

/** What is known of a part after a request. */
export interface Verdict {
  part: PartView;
  /** When the user's next part may be tried; null: now. */
  waitMs: number | null;
  /** Other parts of the user that this verdict put on hold. */
  held: PartView[];
  /** Messages the user may still get before he must write again (design 3). */
  budgetLeft: number;
}

/** One user as `status` shows it. */
export interface UserView {
  user: string;
  lastMessageAtMs: number | null;
  hasToken: boolean;
  sentSinceMessage: number;
  hold: { reason: string; parts: number; sinceMs: number } | null;
}

/** One account as `status` shows it. */
export interface AccountView {
  lastPollAtMs: number | null;
  loginExpired: boolean;
  owner: string | null;
  inbox: Record<'received' | 'running' | 'failed' | 'ignored', number>;
  outbox: Record<'queued' | 'sending' | 'held', number>;
  users: UserView[];
}

/** One message as `messages` lists it. */
export interface MessageView {
  seq: number;
  id: string;
  user: string;
  state: MessageState;
  reason: string | null;
  kind: string;
  receivedAtMs: number;
  attempt: number;
  raw: Buffer;
}

/** A text given to `send`. */
export interface SendRequest {
  account: string;
  user: string;
  parts: NewPart[];
  /** Message this answers, when sent from inside an agent. */
  message: string | null;
  nowMs: number;
}

/** The durable inbox and outbox of all accounts of one home. Any number of processes may use it at once. */
export interface Store {
  /** Makes the account known; a changed `login` is a takeover: cursor and tokens are cleared, `queued` parts held (design 4). */
  openAccount(input: { account: string; login: string; owner: string | null; nowMs: number }): Promise<{
    cursor: string;
    loginExpired: boolean;
    owner: string | null;
  }>;
  /**
   * After the poller lock was won: puts back what the former poller left (`running` messages, its
   * leases). `failed` have had their last try; `children` may still run.
   */
  recover(input: { account: string; former: string | null; retries: number; nowMs: number }): Promise<{
    failed: StartedTurn[];
    children: Child[];
  }>;
  /** Records the process of a running turn, for the next {@link Store.recover}. */
  noteChild(input: { account: string; id: string; child: Child }): Promise<void>;
  /** Commits a poll: messages, cursor and released holds, durable before it resolves. */
  takeIn(intake: Intake): Promise<IntakeResult>;
  /** Notes that polling works, for `status`. Not durable by itself. */
  notePoll(input: { account: string; nowMs: number }): Promise<void>;
  /** Notes that this login is dead, or works. */
  markLogin(input: { account: string; login: string; expired: boolean }): Promise<void>;

  /** All messages that still have to run, in order of arrival. */
  unfinished(account: string): Promise<LaneEntry[]>;
  /** Commits the start of a turn; null when the message is not to run any more. */
  startTurn(input: { account: string; seq: number; nowMs: number }): Promise<StartedTurn | null>;
  /** Commits the end of a turn together with the parts of its answer; durable before it resolves. */
  finishTurn(input: {
    account: string;
    seq: number;
    result: TurnResult;
    parts: NewPart[];
    nowMs: number;
    /** Claims the first part in the same step when nothing is ahead of it. */
    claim: DeliveryTerms | null;
  }): Promise<{ claim: Claim | null }>;
  /** Marks messages to be run again: one by id, or all failed ones. Returns how many. */
  retry(input: { account: string; id: string | null }): Promise<number>;

  /** Queues what `send` was given behind whatever the user has waiting; durable before it resolves. */
  enqueue(request: SendRequest): Promise<PartView[]>;
  /** Users of the account that have parts to deliver. */
  usersToDeliver(account: string): Promise<string[]>;
  /** Takes the next part of a user for one request, if one may go now. */
  claimPart(terms: DeliveryTerms): Promise<Claim>;
  /** Commits what the server said of a claimed part. */
  settlePart(input: { account: string; seq: number; reply: SendReply; nowMs: number }): Promise<Verdict>;
  /** Gives a claimed part back unsent. */
  returnPart(input: { account: string; seq: number }): Promise<void>;
  /** The parts with these numbers as they stand. */
  parts(seqs: readonly number[]): Promise<PartView[]>;
  /** Parts that are not final, oldest first. */
  openParts(account: string): Promise<PartView[]>;

  /** Whether the user has written within the window and has budget left. */
  reachable(input: { account: string; user: string; nowMs: number }): Promise<boolean>;
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
  /** A number that changes whenever another process has committed. */
  changes(): number;
  close(): Promise<void>;
}
