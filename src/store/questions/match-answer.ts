import { choiceOf } from '../../core/message/match-choice.ts';
import type { AnswerFault, Said } from '../port/port.ts';
import type { StoredQuestion } from './question-rows.ts';

/** What a message is for a user's questions. */
export type AnswerMatch<Q> =
  | { kind: 'answer'; question: Q; answer: string; choice: number | null }
  | { kind: 'fault'; why: Exclude<AnswerFault, 'kept'>; questions: Q[] };

type Asked = Pick<
  StoredQuestion,
  'number' | 'choices' | 'isTold' | 'serverId' | 'finishedAtMs' | 'timeoutMs' | 'part'
>;

/** A longer text that is none of the choices is no slip, but about something else. */
const SLIP_CHARS = 30;
/** So long after a question is over, a bare `yes` is an answer that comes too late, and so is any text with its number. */
const LATE_MS = 60 * 60_000;
/** How far the time in a quote may differ from that of the quoted message (protocol 10.4). */
const NEAR_MS = 10_000;

/** `#3 yes`, `3: yes`, `＃３ yes` */
const NUMBERED = /^\s*([#＃]?)\s*([\d０-９]{1,2})(?![\d０-９])\s*[.:：,，、)）]?\s*([\s\S]*)$/u;
/** Where a question has its own number. */
const NUMBER_IN_TEXT = /[#＃](\d{1,2})(?!\d)/gu;

/**
 * Matches a message with the question that it answers: by its quote, by its number, or because it is the only one. `open` were
 * asked, `over` are too late, both newest first; `isTurnAsking`: a turn has an open question of its own. Null: the message
 * is none of their business.
 */
export function matchAnswer<Q extends Asked>(
  { text, quote }: Said,
  {
    open,
    over,
    isTurnAsking,
    nowMs,
  }: { open: readonly Q[]; over: readonly Q[]; isTurnAsking: boolean; nowMs: number },
): AnswerMatch<Q> | null {
  if (text.trim() === '') return null;
  const isOver = (question: Q): boolean => over.includes(question);
  /** The answer of a message that names its question. */
  function answerTo(question: Q, answer: string): AnswerMatch<Q> | null {
    if (isOver(question)) return { kind: 'fault', why: 'late', questions: [question] };
    const choice = question.choices === null ? null : choiceOf(answer, question.choices);
    const isAnswer = question.choices === null ? answer.trim() !== '' : choice !== null;
    if (isAnswer) return { kind: 'answer', question, answer, choice };
    return question.isTold ? null : { kind: 'fault', why: 'unclear', questions: [question] };
  }

  const [, sign, digits, rest = ''] = NUMBERED.exec(text) ?? [];
  const named =
    digits === undefined
      ? undefined
      : [...open, ...over].find(({ number }) => number === Number(digits.normalize('NFKC')));
  const isNamed =
    named !== undefined &&
    (isChoice(rest, named) || (sign !== '' && (!isOver(named) || isRecent(named, nowMs))));
  if (quote !== null) {
    const quoted = quotedBy(quote, [...open, ...over]);
    const [only] = quoted;
    if (isNamed && quoted.includes(named)) return answerTo(named, rest);
    if (only === undefined) return null;
    if (quoted.length === 1) return answerTo(only, text);
    const asked = quoted.filter((one) => !isOver(one));
    return asked.length === 0 || asked.every(({ isTold }) => isTold)
      ? null
      : { kind: 'fault', why: 'which', questions: asked };
  }
  if (isNamed) return answerTo(named, rest);
  const [only] = open;
  if (only === undefined) {
    const [last] = over;
    return last && isRecent(last, nowMs) && !last.isTold && isChoice(text, last) && !isTurnAsking
      ? { kind: 'fault', why: 'late', questions: [last] }
      : null;
  }
  if (open.length > 1 || isTurnAsking) {
    const isMeant = open.some((question) => !question.isTold && isChoice(text, question));
    return isMeant ? { kind: 'fault', why: 'which', questions: [...open] } : null;
  }
  if (only.choices === null || isChoice(text, only)) return answerTo(only, text);
  return [...text].length <= SLIP_CHARS && !text.includes('\n') ? answerTo(only, text) : null;
}

/** Whether a question that is over was so only lately. */
function isRecent({ finishedAtMs, timeoutMs, part }: Asked, nowMs: number): boolean {
  const endedAtMs = finishedAtMs ?? (part.sentAtMs ?? nowMs) + timeoutMs;
  return nowMs - endedAtMs < LATE_MS;
}

function isChoice(text: string, { choices }: Asked): boolean {
  return choices !== null && choiceOf(text, choices) !== null;
}

/** The questions that are in a quoted message: it may carry several, if they were held and merged. */
function quotedBy<Q extends Asked>(quote: NonNullable<Said['quote']>, questions: readonly Q[]): Q[] {
  const byId = questions.filter(({ serverId }) => serverId !== null && serverId === quote.id);
  if (byId.length > 0) return byId;
  // One that has an ID of its own would be quoted by it.
  const unnamed = questions.filter(({ serverId }) => serverId === null || quote.id === null);
  const numbers = [...(quote.text ?? '').matchAll(NUMBER_IN_TEXT)].map(([, number]) => Number(number));
  const { atMs } = quote;
  const isNear = ({ part }: Q): boolean =>
    atMs !== null && part.sentAtMs !== null && Math.abs(atMs - part.sentAtMs) <= NEAR_MS;
  const near = unnamed.filter(isNear);
  if (quote.text === null) return near;
  const byNumber = unnamed.filter(({ number }) => numbers.includes(number));
  return near.length > 0 ? near.filter((one) => byNumber.includes(one)) : atMs === null ? byNumber : [];
}
