import type { ChatLanguage } from '../../core/message/language.ts';
import type { Outcome, ReplyPiece, Turn } from '../../core/message/message.ts';

/** What the runner lends a turn while it runs. */
export interface TurnContext {
  /** Aborted when the turn must end: its `reason` is a TurnEnd. */
  signal: AbortSignal;
  /** Makes the folders of this turn; throws when the disk does not let it. */
  folders(): TurnFolders;
  /** Where they are, or would be: only the state folder is made, which is far quicker. Those that the agent makes go as well. */
  folderPaths(): TurnFolders;
  /** Milliseconds the agent may take; 0 means no limit. */
  timeoutMs: number;
  /**
   * Queues a piece of the reply at once, in the order of the calls, for agents that stream. Resolves when it is
   * committed, so that who awaits it is no faster than the disk. Never rejects. What was queued stays, however
   * the turn ends; the pieces of the outcome come after it.
   */
  emit(piece: ReplyPiece): Promise<void>;
  /** Says that the agent is at work although there is nothing to queue yet, for `--silence-timeout`. `emit` says so too. */
  alive(): void;
  /** Asks the user; resolves with their next message, or null after `waitMs` or with the turn. Never rejects. */
  ask(question: string, waitMs: number): Promise<string | null>;
  /** The language its user writes in. */
  language: ChatLanguage;
  /** What the agent keeps of this conversation. */
  memory: SessionMemory;
}

/** Texts that an agent keeps by name in one session (`sessionId`), also over a restart. Agents share the names. */
export interface SessionMemory {
  /** The text of this name; null when there is none. Rejects when the disk fails. */
  get(name: string): Promise<string | null>;
  /** Keeps a text under this name, null forgets it; on disk before the answer is sent. Rejects when the disk fails. */
  set(name: string, value: string | null): Promise<void>;
}

/** Folders given to one turn. */
export interface TurnFolders {
  /** Where the attachments of the message lie. */
  media: string;
  /** Files the agent leaves here follow its text, in name order. */
  reply: string;
  /** Kept between turns of this user. */
  state: string;
}

/** Why the runner ends a turn early: time, silence, a stop of wxagent, or the user wants no answer any more. */
export type TurnEnd = 'timeout' | 'silence' | 'stop' | 'cancel';

/** Anything that answers messages. */
export interface Agent {
  /** How it is named in the log: the command, the URL, `echo`. */
  readonly name: string;
  /** Answers one turn. Never rejects for what an agent does wrong: that is an Outcome. */
  answer(turn: Turn, context: TurnContext): Promise<Outcome>;
  /** Starts what lives longer than a turn: once, when no agent of a former runner is left. Rejects with WxError. */
  start?(): Promise<void> | void;
  /** Ends what lives longer than a turn. */
  close?(): Promise<void>;
}
