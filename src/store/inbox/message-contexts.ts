import type { ChatLanguage } from '../../core/message/language.ts';
import { nextSeq, sql } from '../../sql/dialect.ts';
import { one, type Row, type Step, together } from '../../sql/statement.ts';
import { storable } from '../../sql/storable.ts';
import { HAS_HOLDS } from '../outbox/hold-and-release.ts';
import type { IncomingMessage, Intake } from '../port/port.ts';
import { CANDIDATES } from './duplicates.ts';

/** What is known about a message, its user and its account before it is stored. */
export interface Context {
  /** Of the account; null when there is none. */
  login: string | null;
  owner: string | null;
  /** The number that the message gets if it is stored: on SQLite, if it is the first one of its poll that is. */
  seq: number;
  /** Some message that was stored before this poll may be this one, or has its id. */
  hasCandidates: boolean;
  /** The user has held parts to release, or parts that expired while held. */
  hasHolds: boolean;
  /** The user was asked by `ask`. */
  hasQuestions: boolean;
  /** The language of the user's earlier messages. */
  language: ChatLanguage | null;
}

const MAY_BE_STORED = sql`SELECT CASE WHEN EXISTS (${CANDIDATES}) THEN 1 ELSE 0 END AS has_candidates`;
const NUMBERED = sql`${MAY_BE_STORED}, ${nextSeq('inbox')} AS seq`;
const CONTEXT = sql`${NUMBERED}, login, owner, language, CASE WHEN ${HAS_HOLDS} THEN 1 ELSE 0 END AS has_holds,
    CASE WHEN EXISTS (SELECT 1 FROM questions WHERE account = ?1 AND "user" = ?2) THEN 1 ELSE 0 END AS has_questions
  FROM (SELECT 1) AS one_row
  LEFT JOIN accounts ON accounts.account = ?1
  LEFT JOIN users ON users.account = ?1 AND users."user" = ?2`;

/** The contexts of all messages of a poll, in one way to a server; what does not change is read once for each user. */
export function* contextsOf({ account, messages }: Pick<Intake, 'account' | 'messages'>): Step<Context[]> {
  if (messages.length === 0) return [];
  const asked = new Set<string>();
  const rows = yield* together(
    ...messages.map((message) => {
      const isFirst = !asked.has(message.user);
      asked.add(message.user);
      return one(isFirst ? CONTEXT : NUMBERED, ...valuesOf(account, message));
    }),
  );
  const ofUsers = new Map<string, Omit<Context, 'seq' | 'hasCandidates'>>();
  return messages.map(({ user }, n) => {
    const row = rows[n] as Row;
    const ofUser = ofUsers.get(user) ?? ofUserOf(row);
    ofUsers.set(user, ofUser);
    return { seq: row.seq as number, hasCandidates: row.has_candidates === 1, ...ofUser };
  });
}

/** Whether some stored message may be this one, or has its id. */
export function* mayBeStored(account: string, message: IncomingMessage): Step<boolean> {
  return (yield* one(MAY_BE_STORED, ...valuesOf(account, message)))?.has_candidates === 1;
}

/** What was stored of a poll after its contexts were read. */
export interface StoredOfPoll {
  add(id: string, message: IncomingMessage): void;
  /** Whether {@link mayBeStored} could tell something else by now. */
  mayHave(message: IncomingMessage): boolean;
}

/** See {@link StoredOfPoll}. */
export function createStoredOfPoll(): StoredOfPoll {
  const known = new Set<string>();
  /** Other texts may be the same one when they are stored. */
  const keyOf = (...texts: string[]): string =>
    JSON.stringify(texts.map((text) => String(storable(text)).toWellFormed()));
  const contentOf = ({ user, fingerprint }: IncomingMessage): string => keyOf(user, fingerprint);
  return {
    add(id, message) {
      known.add(keyOf(id)).add(contentOf(message));
    },
    mayHave: (message) =>
      known.has(contentOf(message)) || (message.id !== null && known.has(keyOf(message.id))),
  };
}

function valuesOf(account: string, message: IncomingMessage) {
  const { user, id, fingerprint, createdAtMs, contextToken } = message;
  return [account, user, id, fingerprint, createdAtMs, contextToken];
}

function ofUserOf(row: Row): Omit<Context, 'seq' | 'hasCandidates'> {
  return {
    login: row.login as string | null,
    owner: row.owner as string | null,
    hasHolds: row.has_holds === 1,
    hasQuestions: row.has_questions === 1,
    language: row.language as ChatLanguage | null,
  };
}
