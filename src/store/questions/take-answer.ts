import type { Step } from '../../sql/statement.ts';
import type { Claimant } from '../outbox/user-lease.ts';
import type { AnswerFault, ChatNotice, IncomingMessage } from '../port/port.ts';
import { matchAnswer } from './match-answer.ts';
import { hasReached, isAwaited, isOver, questionsTo, type StoredQuestion } from './question-rows.ts';
import { answerQuestion, markTold } from './questions.ts';

/** How exactly it is known when a message was written: what was written before the question came is no answer to it. */
const SKEW_MS = 2_000;

/** A message that was for a question. */
export interface Taken {
  /** Stored with the message. */
  reason: string;
  notice: ChatNotice | null;
}

/** Gives a message of who was asked to its question, or says what is wrong with it. Null: it is for no question. */
export function* takeAnswer(
  { user, said }: IncomingMessage,
  about: { account: string; nowMs: number; isTurnAsking: boolean },
  claimant: Claimant,
): Step<Taken | null> {
  const { nowMs } = about;
  const writtenAtMs = said.atMs ?? nowMs;
  const asked = (yield* questionsTo(about.account, user)).filter(
    (question) => hasReached(question) && question.shownFromMs <= writtenAtMs + SKEW_MS,
  );
  const over = asked.filter((question) => isOver(question, claimant, nowMs));
  const found = matchAnswer(said, { ...about, open: asked.filter((one) => !over.includes(one)), over });
  if (found === null) return null;
  if (found.kind === 'fault') {
    yield* markTold(found.questions);
    return told(found.why, found.questions);
  }
  const { question } = found;
  const isInTime = yield* answerQuestion(question, { ...found, nowMs });
  if (!isInTime) return told('late', [question]);
  if (isAwaited(question, claimant, nowMs)) return { reason: 'answer', notice: null };
  return { ...told('kept', [question]), reason: 'answer' };
}

function told(why: AnswerFault, questions: readonly StoredQuestion[]): Taken {
  const named = questions.map(({ number, choices }) => ({ number, choices }));
  return { reason: `answer-${why}`, notice: { about: 'answer', why, questions: named } };
}
