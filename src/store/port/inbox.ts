import type { ChatLanguage } from '../../core/message/language.ts';
import type { Choice } from '../../core/message/match-choice.ts';
import type { Asked } from './access.ts';
import type { HeldPart, MergedHolds, NewPart } from './outbox.ts';
import type { Said } from './questions.ts';
import type { TurnMessage } from './turns.ts';

/** What the owner can ask of wxagent itself, in the chat. */
export type ChatCommand = 'stop' | 'new' | 'status' | 'help' | 'again';

/** The meaning of a text if the owner wrote it. The text of anybody else goes to the agent as it is. */
export interface ChatText {
  command: ChatCommand | null;
  /** Where in the text, in UTF-16 units, the agent's share begins; null: nothing of it is for the agent. */
  agentFrom: number | null;
}

/** What becomes of a message while earlier messages of its user are unfinished (`--busy`). */
export type BusyPolicy = 'queue' | 'latest' | 'reject';

/** What a notice tells the user about the effect of their message. */
export type ChatNotice =
  /** `ended`: whether a turn was running; `dropped`: how many queued messages do not run either. */
  | { about: 'stop'; ended: boolean; dropped: number }
  /** `unfinished`: messages that still belong to the old session. */
  | { about: 'new'; unfinished: number }
  /** `message` is null when there is none to run again, or when the last one is running (`isBusy`). */
  | { about: 'again'; message: TurnMessage | null; isBusy: boolean }
  | {
      about: 'status';
      running: number;
      waiting: number;
      held: number;
      /** Messages the user may still get after this notice, before they must write again. */
      budgetLeft: number;
      windowEndsAtMs: number;
    }
  | { about: 'help' }
  /** The message was rejected, because earlier ones are unfinished. */
  | { about: 'busy' }
  /** The message is for one of these questions, and no answer as it is. */
  | { about: 'answer'; why: AnswerFault; questions: { number: number; choices: readonly Choice[] | null }[] };

/**
 * What is wrong with an answer: it is none of the choices (`unclear`), several questions are open (`which`), nobody waits
 * for it any more (`late`), or whoever asked does not run just now, so that it is kept (`kept`).
 */
export type AnswerFault = 'unclear' | 'which' | 'late' | 'kept';

/** How triage treats messages beyond storing them. */
export interface ChatPolicy {
  busy: BusyPolicy;
  /** Messages that follow each other within this time become one turn (`--merge`); 0: none do. */
  mergeMs: number;
  /** The part that asks this user an open question; null: there is none. */
  questionTo(user: string): number | null;
  /** Writes a notice, in the user's language where that is known. It is queued in the transaction it tells of. */
  noticeOf(notice: ChatNotice, language: ChatLanguage | null): NewPart[];
}

export type MessageState = 'received' | 'running' | 'waiting' | 'done' | 'failed' | 'ignored' | 'superseded';

/** The AES key that came with a file of this md5. */
export interface MediaKey {
  md5: string;
  key: Buffer;
}

/** A message as the wire delivered it, ready to be committed. `raw` is kept whole, unknown fields included. */
export interface IncomingMessage {
  /** The server's id; null: the server gave none. */
  id: string | null;
  user: string;
  createdAtMs: number | null;
  /** The same time by the clock that counts ages, where the two differ much. Budget and window use this one. */
  steadyAtMs?: number;
  contextToken: string | null;
  kind: string;
  /** Keys of the files it brings and quotes. A file that is sent again is encrypted with its first key (protocol 5.3). */
  mediaKeys: MediaKey[];
  /** How many of its items are of an unknown kind. */
  unknownItems: number;
  /** Digest of the content only: equal for two deliveries of one message. */
  fingerprint: string;
  raw: Buffer;
  /** Why the agent does not get it; null: the agent gets it. */
  ignore: string | null;
  /** What its text means; null: it has no text. */
  chat: ChatText | null;
  /** The language it is written in; null: unknown. */
  language: ChatLanguage | null;
  said: Said;
}

/** The rules of triage: who may write, what counts as a duplicate, what a chat command does. */
export interface TriagePolicy {
  /** Users allowed beside the owner; 'all' allows everyone. */
  allow: ReadonlySet<string> | 'all';
  /** Equal content within this time counts as a duplicate (`--dedupe-window`); 0: only ids and times count. */
  dedupeWindowMs: number;
  chat: ChatPolicy;
}

/** Input of {@link Inbox.triage}. */
export interface Triage extends TriagePolicy {
  account: string;
  nowMs: number;
  /** Reads what triage needs from a stored message: see {@link IncomingMessage}. */
  read: (raw: Buffer, createdAtMs: number | null) => Pick<IncomingMessage, 'ignore' | 'chat' | 'language'>;
}

/** What one poll brought, to be committed in one transaction. */
export interface Intake extends TriagePolicy {
  account: string;
  /**
   * `later`: the process that polls serves no user (`send`, `login`). The messages stay untriaged until a runner
   * calls {@link Inbox.triage} with its own policy; the policy of this intake is not used.
   */
  triage?: 'now' | 'later';
  /** Digest of the token that polled: the cursor of a newer login must not be overwritten. */
  login: string;
  /** New cursor; null keeps the old one. */
  cursor: string | null;
  messages: IncomingMessage[];
  /**
   * When the server had no message waiting, as a poll before has shown: these were written later, whatever their times
   * say, for the server's clock may differ from ours. Null: nothing is known.
   */
  writtenAfterMs: number | null;
  nowMs: number;
  /** Merges the held parts of a user who wrote again into what is sent first. */
  merge: (held: HeldPart[], expired: number, language: ChatLanguage | null) => MergedHolds;
}

/** What became of each message of an {@link Intake}, in its order. */
export interface IntakeResult {
  messages: {
    seq: number;
    id: string;
    user: string;
    /**
     * `command`: executed in this transaction; the caller only has to end the turns it superseded. `answer`: to an
     * open question of a turn; a message like any other until `Turns.finishAnswer`. `answered`: for a stored question,
     * which has taken it or has told its user what is wrong with it.
     */
    state: 'received' | 'ignored' | 'duplicate' | 'command' | 'answer' | 'answered';
    reason: string | null;
  }[];
  /** Messages that will not be answered any more; their turns may be running. */
  superseded: { seq: number; user: string }[];
  /** Finished messages that run again. */
  again: { seq: number; user: string }[];
  /** Users whose held parts were queued again. */
  released: string[];
  /** The user who became the owner of an account that had none; null: nobody did. */
  learnedOwner: string | null;
}

/** A message whose turn has not started: what a lane needs to know of it. */
export interface LaneEntry {
  seq: number;
  user: string;
  /** Wall-clock time before which it does not start; null: it starts at once. */
  notBeforeMs: number | null;
}

/** What a user quotes: a received message, or a sent part with what the CDN returned for its file. */
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
  /** Why it failed, or why it runs again: the end of the agent's stderr. */
  detail: string | null;
  kind: string;
  receivedAtMs: number;
  attempt: number;
  raw: Buffer;
}

/** The messages that users sent. */
export interface Inbox {
  /**
   * Commits a poll: messages, cursor and released holds. `beforeCommit` gets the result of one with messages before the
   * commit, which may fail: turns of the account that it starts at once share the commit.
   */
  storeMessages(intake: Intake, beforeCommit?: (result: IntakeResult) => void): Promise<IntakeResult>;
  /** Triages, once, the messages that were stored with triage `later`, by the policy of the runner that serves them. */
  triage(input: Triage): Promise<IntakeResult>;
  /** All messages whose turn has not started, in order of arrival. Untriaged and running ones are not among them. */
  unfinished(account: string): Promise<LaneEntry[]>;
  /** The content of messages that still have to run, and of running ones: the files they need are kept. */
  unfinishedContent(account: string): Promise<{ user: string; raw: Buffer }[]>;
  /** Marks messages to be run again: one by id, or all failed ones. Returns how many. */
  retry(input: Asked & { account: string; id: string | null }): Promise<number>;
  /** The message or part that a user quotes: by its server id, else by its time if only one fits. Null: not stored. */
  quoted(input: {
    account: string;
    user: string;
    id: string | null;
    /** When the quoted message was written, to the second; null: unknown. */
    aroundMs: number | null;
  }): Promise<QuotedContent | null>;
  /** Keys that came with files of this md5, oldest first: only the first fits a file that is sent again (protocol 5.3). */
  mediaKeys(input: { account: string; md5: string }): Promise<Buffer[]>;
  /** Messages as `messages` lists them, oldest first. */
  messages(input: {
    account: string;
    user: string | null;
    sinceMs: number | null;
    limit: number;
  }): Promise<MessageView[]>;
  /** Messages of these users and times, newest first, before the one with this number (null: from the newest on). */
  messagePage(input: {
    account: string;
    user: string | null;
    fromMs: number | null;
    /** Exclusive. */
    toMs: number | null;
    beforeSeq: number | null;
    limit: number;
  }): Promise<MessageView[]>;
  /** One message; null when it is not stored, or no longer. */
  message(input: { account: string; id: string }): Promise<MessageView | null>;
}
