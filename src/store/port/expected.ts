import type { ChatLanguage } from '../../core/message/language.ts';
import type { NewPart } from './outbox.ts';

/** A text that is to come again and again, by its key: when none has come for too long, its user is told. */
export interface Expectation {
  key: string;
  /** Who is told; null: the owner. */
  user: string | null;
  everyMs: number;
  sinceMs: number;
  /** When the last one was queued; null: none since it is expected. */
  lastSeenAtMs: number | null;
  /** When its user was told that it is missing; null: it is not. */
  missingSinceMs: number | null;
}

/** News about an expectation: it is missing, or has come again. */
export interface ExpectationNews extends Expectation {
  about: 'missing' | 'back';
}

/** Dead man's switches: texts that are expected (`expect`). */
export interface Expected {
  /** Expects a key from now on, or changes for how long it may be silent. */
  expect(input: {
    account: string;
    key: string;
    user: string | null;
    everyMs: number;
    nowMs: number;
  }): Promise<void>;
  /** Expects a key no more. False when it was not expected. */
  unexpect(input: { account: string; key: string }): Promise<boolean>;
  /** What is expected, by key. */
  expectations(account: string): Promise<Expectation[]>;
  /** The accounts of which somebody has to be told something. */
  due(nowMs: number): Promise<string[]>;
  /** Queues what is to be told, each once. Returns the users who get it. */
  tell(input: {
    account: string;
    nowMs: number;
    compose: (news: ExpectationNews, language: ChatLanguage | null) => NewPart[];
  }): Promise<string[]>;
}
