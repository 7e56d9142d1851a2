import type { ChatLanguage } from '../../core/message/language.ts';
import { nextSeq, sql } from '../../sql/dialect.ts';
import { one, type Row, run, type Step, unawaited } from '../../sql/statement.ts';
import { HAS_HOLDS, releaseHolds } from '../outbox/holds.ts';
import type { Claimant } from '../outbox/lease.ts';
import { appendParts } from '../outbox/parts.ts';
import type { ChatCommand, IncomingMessage, Intake, IntakeResult } from '../port/port.ts';
import { takeAnswer } from '../questions/answers.ts';
import { ALWAYS, type IsHeld } from '../workers/fence.ts';
import { CANDIDATES, countCopy, findDuplicate, NEWEST } from './duplicates.ts';
import { recordMediaKeys } from './media-keys.ts';
import { freeId, insertMessage, messageWithId } from './message-rows.ts';
import { createTriager, type Decision, emptyResult, stateAfter, untriaged } from './triage.ts';
import { createUserUpdates } from './user-updates.ts';

const SET_CURSOR = 'UPDATE accounts SET cursor = ?, last_poll_at = ? WHERE account = ? AND login = ?';

/**
 * Commits what a poll brought: new messages, the cursor, the holds that a new message of their user releases, and the
 * effects of chat commands with the notices about them. A duplicate is counted on the message that it repeats, and has
 * no other effect. For a late owner of the account the cursor stays where it is.
 */
export function* storeMessages(
  intake: Intake,
  claimant: Claimant,
  isHeld: IsHeld = ALWAYS,
): Step<IntakeResult> {
  const { account, nowMs } = intake;
  const result = emptyResult();
  const contexts = new Map<string, Context>();
  const users = createUserUpdates(intake);
  const triager = intake.triage === 'later' ? null : createTriager(intake);

  /** The decision about a message that is for a question of `ask`, whoever serves its user; null: it is for none. */
  function* answering(message: IncomingMessage, isOwner: boolean): Step<Decision | null> {
    const command: ChatCommand | null = (isOwner && message.chat?.command) || null;
    if (message.ignore !== null || message.chat === null || command !== null) return null;
    const isTurnAsking = triager !== null && (yield* triager.isTurnAsking(message.user));
    const taken = yield* takeAnswer(message, { account, nowMs, isTurnAsking }, claimant);
    return taken && { kind: 'answered', command: null, textFrom: 0, ...taken };
  }

  for (const message of intake.messages) {
    const { user } = message;
    const about = [account, user, message.id, message.fingerprint, message.createdAtMs, message.contextToken];
    const earlier = contexts.get(user);
    const context = earlier
      ? { ...earlier, ...candidatesOf((yield* one(HAS_CANDIDATES, ...about)) as Row) }
      : contextOf((yield* one(CONTEXT, ...about)) as Row);
    const language = message.language ?? context.language;
    contexts.set(user, { ...context, language });
    const owner = result.learnedOwner ?? context.owner;
    const isNew = (triager === null || intake.dedupeWindowMs === 0) && !context.hasCandidates;
    const namesake = isNew || message.id === null ? undefined : yield* messageWithId(account, message.id);
    const original = isNew ? undefined : yield* findDuplicate(intake, message, namesake);
    if (original) {
      yield* countCopy(original.seq as number);
      const { seq, id } = original as { seq: number; id: string };
      result.messages.push({ seq, id, user, state: 'duplicate', reason: null });
      continue;
    }
    const becomesOwner = owner === null && message.ignore === null;
    if (becomesOwner) {
      result.learnedOwner = user;
      yield* unawaited(run('UPDATE accounts SET owner = ? WHERE account = ?', user, account));
    }
    const isOwner = becomesOwner || user === owner;
    const decision =
      (context.hasQuestions && (yield* answering(message, isOwner))) ||
      (triager ? yield* triager.decide(message, { isOwner, before: NEWEST }) : untriaged(message));
    const { kind, reason, textFrom, command } = decision;
    const id = message.id !== null && !namesake ? message.id : yield* freeId(account, message);
    const { seq } = context;
    const stored = {
      seq,
      id,
      state: stateAfter(decision),
      reason,
      textFrom,
      isTriaged: triager !== null || kind === 'answered',
    };
    yield* unawaited(insertMessage(intake, message, stored));
    if (message.mediaKeys.length > 0) yield* recordMediaKeys(account, message.mediaKeys, nowMs);
    result.messages.push({ seq, id, user, state: kind, reason });
    if (kind === 'ignored' && reason !== 'busy') continue;
    // A login that was taken over still stores its last messages; its cursor and tokens are useless to the new one.
    if (context.login === intake.login) {
      users.add(message, seq);
      if (context.hasHolds && (yield* releaseHolds(intake, user, language))) result.released.push(user);
    }
    if (command !== null) yield* unawaited(...users.write(user));
    if (decision.notice)
      yield* appendParts(
        { account, user, message: id, nowMs },
        intake.chat.noticeOf(decision.notice, language),
      );
    if (triager) yield* triager.apply(message, { seq, id, decision, language }, result);
  }

  const moves = intake.cursor && isHeld();
  const cursor = moves ? [run(SET_CURSOR, intake.cursor, nowMs, account, intake.login)] : [];
  yield* unawaited(...users.write(), ...cursor);
  return result;
}

/** What is known about a message, its user and its account before it is stored. */
interface Context {
  /** Of the account; null when there is none. */
  login: string | null;
  owner: string | null;
  /** The number that the message gets if it is stored. */
  seq: number;
  /** Some stored message may be this one, or has its id. */
  hasCandidates: boolean;
  /** The user has held parts to release, or parts that expired while held. */
  hasHolds: boolean;
  /** The user was asked by `ask`. */
  hasQuestions: boolean;
  /** The language of the user's earlier messages. */
  language: ChatLanguage | null;
}

/**
 * Reads the {@link Context} of a message in one query, usually the only one. After an earlier message of the same user in
 * the same poll only the candidates are read again: no part is held in between.
 */
const HAS_CANDIDATES = sql`SELECT ${nextSeq('inbox')} AS seq, CASE WHEN EXISTS (${CANDIDATES}) THEN 1 ELSE 0 END AS has_candidates`;
const CONTEXT = sql`${HAS_CANDIDATES}, login, owner, language, CASE WHEN ${HAS_HOLDS} THEN 1 ELSE 0 END AS has_holds,
    CASE WHEN EXISTS (SELECT 1 FROM questions WHERE account = ?1 AND "user" = ?2) THEN 1 ELSE 0 END AS has_questions
  FROM (SELECT 1) AS one_row
  LEFT JOIN accounts ON accounts.account = ?1
  LEFT JOIN users ON users.account = ?1 AND users."user" = ?2`;

function candidatesOf(row: Row): Pick<Context, 'seq' | 'hasCandidates'> {
  return { seq: row.seq as number, hasCandidates: row.has_candidates === 1 };
}

function contextOf(row: Row): Context {
  return {
    login: row.login as string | null,
    owner: row.owner as string | null,
    ...candidatesOf(row),
    hasHolds: row.has_holds === 1,
    hasQuestions: row.has_questions === 1,
    language: row.language as ChatLanguage | null,
  };
}
