import type { ChatLanguage } from '../../core/message/language.ts';
import type { NewPart } from './outbox-port.ts';

/** What the owner can ask of wxagent itself, in the chat. */
export type ChatCommand = 'stop' | 'new' | 'status' | 'help' | 'again';

/** How the text of a message is to be taken, should it come from the owner; everybody else's is text and nothing more. */
export interface ChatText {
  command: ChatCommand | null;
  /** Where in the text, in UTF-16 units, what the agent gets begins; null: nothing of it is for the agent. */
  agentFrom: number | null;
}

/** What becomes of a message while earlier ones of its user are unfinished (`--busy`). */
export type BusyPolicy = 'queue' | 'latest' | 'reject';

/** A message that is to run again, as it was stored. */
export interface RunAgain {
  raw: Buffer;
  textFrom: number;
}

/** What a notice tells the user about a message of theirs, and what it has set off. */
export type ChatNews =
  /** `ended`: whether a turn was at work; `dropped`: messages behind it that do not run either. */
  | { about: 'stop'; ended: boolean; dropped: number }
  /** `unfinished`: messages that still belong to the old session. */
  | { about: 'new'; unfinished: number }
  /** `message` is null when there is none to run again, or when the last one is at work (`isBusy`). */
  | { about: 'again'; message: RunAgain | null; isBusy: boolean }
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
  /** The message was not taken, because earlier ones are unfinished. */
  | { about: 'busy' };

/** How an intake takes what users say, beyond storing it. */
export interface ChatTerms {
  busy: BusyPolicy;
  /** Messages that follow each other within this time become one turn (`--merge`); 0: none do. */
  mergeMs: number;
  /** Number of the part that asks this user something at the moment; null: nobody does. */
  questionTo(user: string): number | null;
  /** Writes what a user is told, in the language they write in where that is known; queued in the step that it tells of. */
  noticeOf(news: ChatNews, language: ChatLanguage | null): NewPart[];
}
