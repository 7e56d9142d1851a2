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
  /**
   * Asks the user something and resolves with the text of their next message, which no agent gets; null when
   * none came within `waitMs`, or the turn was ended. Never rejects.
   */
  ask(question: string, waitMs: number): Promise<string | null>;
  /** The language its user writes in. */
  language: ChatLanguage;
  /** What the agent keeps of this conversation. */
  memory: SessionMemory;
}

/**
 * What an agent keeps between the turns of one session (`sessionId`): texts by name, there again after a restart.
 * A new session begins with none. Agents share the names, so a name says whose value it is.
 */
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

/**
 * Why the runner ends a turn early: its time is up, it was silent for too long, wxagent is stopping, or the user
 * wants no answer any more.
 */
export type TurnEnd = 'timeout' | 'silence' | 'stop' | 'cancel';

/** Anything that answers messages. */
export interface Agent {
  /** How it is named in the log: the command, the URL, `echo`. */
  readonly name: string;
  /** Answers one turn. Never rejects for what an agent does wrong: that is an Outcome. */
  answer(turn: Turn, context: TurnContext): Promise<Outcome>;
  /**
   * Starts what lives longer than a turn: called once, when nothing of a former runner's runs any more. Rejects with
   * WxError when the agent must not be run as it is.
   */
  start?(): Promise<void> | void;
  /** Ends what lives longer than a turn. */
  close?(): Promise<void>;
}
