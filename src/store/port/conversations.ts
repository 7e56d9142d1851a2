import type { UserView } from './admin.ts';
import type { MessageView } from './inbox.ts';
import type { PartView } from './outbox.ts';

/** Where one is in a conversation: behind the messages and the parts up to these numbers. */
export interface ChatPlace {
  messageSeq: number;
  partSeq: number;
}

/** What stands in a conversation: what the user wrote, or a part that was sent to them or waits. */
export type ChatEntry = { message: MessageView; part: null } | { message: null; part: PartView };

export interface ChatPiece {
  /** Oldest first. */
  entries: ChatEntry[];
  /** Where the piece before it ends; null: there is none. */
  older: ChatPlace | null;
  /** Behind the last entry: what comes later is newer. */
  newer: ChatPlace;
}

/** The chat of one user with the bot, as a list shows it. */
export interface Conversation extends UserView {
  /** When something was last written or queued. */
  lastAtMs: number;
  last: ChatEntry;
  failed: number;
  /** Messages that nobody has looked at, up to {@link MOST_UNSEEN}. */
  unseen: number;
}

/** What a conversation can be looked for by. */
export const CONVERSATION_KINDS = ['unseen', 'failed', 'held'] as const;
export type ConversationKind = (typeof CONVERSATION_KINDS)[number];

/** Unseen messages are counted no further. */
export const MOST_UNSEEN = 100;

/** What is looked for in all messages or parts of an account, or in those of one user. */
export interface Search {
  account: string;
  user: string | null;
  text: string;
  /** Goes on before the row with this number; null: from the newest on. */
  beforeSeq: number | null;
}

/** What may be meant: what is not has to be sorted out by whoever reads it. */
export interface Found<T> {
  /** Newest first. */
  found: T[];
  /** From where the search goes on; null: this was all. */
  beforeSeq: number | null;
}

/** Chats with users, as people look at them. */
export interface Conversations {
  /**
   * Conversations, those with the newest entry first, behind this one (null: from the first on). `user`: only this one's;
   * `named`: only of users in whose ID this stands, in any case. `only`: those with failed messages, held parts, or messages
   * that nobody has looked at.
   */
  list(input: {
    account: string;
    user: string | null;
    named: string | null;
    only: ConversationKind | null;
    behind: Pick<Conversation, 'lastAtMs' | 'user'> | null;
    limit: number;
  }): Promise<Conversation[]>;
  /** The newest entries up to this place, or the oldest behind it. */
  piece(input: {
    account: string;
    user: string;
    from: { upTo: ChatPlace } | { behind: ChatPlace };
    limit: number;
  }): Promise<ChatPiece>;
  /** The place behind a message or a part; null: it is not stored, or no longer. */
  placeOf(
    input: { account: string; user: string } & ({ message: string } | { partSeq: number }),
  ): Promise<ChatPlace | null>;
  /** Among some thousand messages, those that may have this text, in any case. Whoever has read them knows. */
  findMessages(
    input: Search & {
      fromMs: number | null;
      /** Exclusive. */
      toMs: number | null;
    },
  ): Promise<Found<MessageView>>;
  /** The same of parts, by their texts and the names of their files. */
  findParts(input: Search): Promise<Found<PartView>>;
  /** Notes that somebody has looked at a user's messages up to this one; null: at all messages of all users. */
  markSeen(input: { account: string; upTo: { user: string; messageSeq: number } | null }): Promise<void>;
}
