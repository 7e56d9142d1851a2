import type { ChatLanguage } from '../../core/message/language.ts';
import { run, type Step, unawaited } from '../../sql/statement.ts';
import { releaseHolds } from '../outbox/hold-and-release.ts';
import { appendParts } from '../outbox/parts.ts';
import type { Claimant } from '../outbox/user-lease.ts';
import type { ChatCommand, IncomingMessage, Intake, IntakeResult } from '../port/port.ts';
import { takeAnswer } from '../questions/take-answer.ts';
import { ALWAYS, type IsHeld } from '../workers/fence.ts';
import { countCopy, findDuplicate, NEWEST } from './duplicates.ts';
import { recordMediaKeys } from './media-keys.ts';
import { type Context, contextsOf, createStoredOfPoll, mayBeStored } from './message-contexts.ts';
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
  const contexts = yield* contextsOf(intake);
  const languages = new Map<string, ChatLanguage | null>();
  const stored = createStoredOfPoll();
  let lastSeq = 0;
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

  for (const [n, message] of intake.messages.entries()) {
    const { user } = message;
    const context = contexts[n] as Context;
    const hasCandidates =
      context.hasCandidates || (stored.mayHave(message) && (yield* mayBeStored(account, message)));
    const language = message.language ?? languages.get(user) ?? context.language;
    languages.set(user, language);
    const owner = result.learnedOwner ?? context.owner;
    const isNew = (triager === null || intake.dedupeWindowMs === 0) && !hasCandidates;
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
    // SQLite has told the same number for all of them.
    const seq = Math.max(context.seq, lastSeq + 1);
    lastSeq = seq;
    const row = {
      seq,
      id,
      state: stateAfter(decision),
      reason,
      textFrom,
      isTriaged: triager !== null || kind === 'answered',
    };
    yield* unawaited(insertMessage(intake, message, row));
    stored.add(id, message);
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
