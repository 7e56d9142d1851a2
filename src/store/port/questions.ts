import type { ChatLanguage } from '../../core/message/language.ts';
import type { Choice } from '../../core/message/match-choice.ts';
import type { NewPart, PartState } from './outbox.ts';

/** What a message says, as far as an answer to a question needs it. */
export interface Said {
  text: string;
  /** When it was written, by the clock of this machine; null: unknown. */
  atMs: number | null;
  /** What it quotes: the ID, the time to the second and the text, as far as they came along; null: nothing. */
  quote: { id: string | null; atMs: number | null; text: string | null } | null;
}

/** What a question is when its text is written. */
export interface QuestionHead {
  /** The short number by which its user can name it. */
  number: number;
  /** Whether other questions to the same user are open: then an answer has to say which one it is for. */
  hasOthers: boolean;
  /** The language of the user's last text; null: unknown. */
  language: ChatLanguage | null;
}

export interface NewQuestion {
  account: string;
  user: string;
  /** Null: any text is an answer. */
  choices: readonly Choice[] | null;
  /** How long the user has for the answer, from the arrival of the question on. */
  timeoutMs: number;
  /** What the same question has again: its asker gets the answer that another one was killed before. Null: none has it. */
  fingerprint: string | null;
  /** Message whose turn asks, when asked from inside an agent. */
  message: string | null;
  /** Its parts, in order; the last one is what an answer quotes. */
  compose: (head: QuestionHead) => NewPart[];
  nowMs: number;
}

export interface QuestionView {
  seq: number;
  number: number;
  /** `answered`: its asker has yet to fetch the answer. `closed`: nobody waits for it. */
  state: 'open' | 'answered' | 'closed';
  /** What the user has written; null: nothing yet. */
  answer: string | null;
  /** Index of the choice that they meant; null without choices. */
  choice: number | null;
  /** Its part: where it is, and when it was sent, as far as it was. */
  part: { seq: number; state: PartState; reason: string | null; sentAtMs: number | null };
}

/** Questions of programs to users, which outlive the program that asks and the one that serves the user. */
export interface Questions {
  /** Queues a question; or, of the same fingerprint, takes over one whose asker is gone, with its answer. */
  ask(question: NewQuestion): Promise<QuestionView>;
  /** A question as it stands; null when it is not stored, or no longer. */
  question(seq: number): Promise<QuestionView | null>;
  /** Its asker still waits. To be repeated at least once a minute. */
  renew(input: { account: string; seq: number; nowMs: number }): Promise<void>;
  /** Its asker waits no more, and the question stays: the next who asks the same takes it over. */
  leave(input: { account: string; seq: number }): Promise<void>;
  /** Ends the question: from now on an answer is too late. The question as it was: with the answer, if one came before. */
  close(input: { account: string; seq: number; nowMs: number }): Promise<QuestionView | null>;
}
