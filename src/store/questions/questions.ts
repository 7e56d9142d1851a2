import { RETURNING_SEQ, sql } from '../../sql/dialect.ts';
import { all, insert, one, run, type Step, unawaited } from '../../sql/statement.ts';
import { appendParts } from '../outbox/parts.ts';
import type { Claimant } from '../outbox/user-lease.ts';
import type { NewQuestion, Questions, QuestionView } from '../port/port.ts';
import {
  isAwaited,
  isOver,
  type StoredQuestion,
  sameQuestion,
  storedQuestion,
  viewOf,
} from './question-rows.ts';

/** How long an asker counts as alive without saying so. */
const LEASE_MS = 60_000;
/** Short numbers begin again after this one. */
const MOST_NUMBER = 99;

const INSERT = sql`INSERT INTO questions (account, "user", number, part, fingerprint, choices, timeout_ms, asker, asker_until,
    state, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?) ${RETURNING_SEQ}`;

/** Queues a question, or takes over the same one of an asker who is gone. */
export function* askQuestion(question: NewQuestion, claimant: Claimant): Step<QuestionView> {
  const { account, user, fingerprint, choices, timeoutMs, message, nowMs } = question;
  const same = fingerprint === null ? null : yield* takeOver({ ...question, fingerprint }, claimant);
  if (same) return viewOf(same);
  const { number, hasOthers } = yield* freeNumber(account, user);
  const known = yield* one('SELECT language FROM users WHERE account = ? AND "user" = ?', account, user);
  const language = (known?.language as 'zh' | 'en' | null | undefined) ?? null;
  const parts = question.compose({ number, hasOthers, language });
  const { seqs } = yield* appendParts({ account, user, message, nowMs }, parts);
  const seq = yield* insert(
    INSERT,
    ...[account, user, number, seqs.at(-1) as number, fingerprint, choices && JSON.stringify(choices)],
    ...[timeoutMs, claimant.id, nowMs + LEASE_MS, nowMs],
  );
  return viewOf((yield* storedQuestion(seq)) as StoredQuestion);
}

/** The same question, if its asker is gone and its answer, or its time for one, is not too old. */
function* takeOver(
  question: NewQuestion & { fingerprint: string },
  claimant: Claimant,
): Step<StoredQuestion | null> {
  const { timeoutMs, nowMs } = question;
  const same = yield* sameQuestion(question);
  if (!same || isAwaited(same, claimant, nowMs)) return null;
  const isOld =
    same.state === 'answered'
      ? nowMs - (same.finishedAtMs ?? 0) > same.timeoutMs
      : isOver(same, claimant, nowMs) || ['expired', 'refused'].includes(same.part.state);
  if (isOld) {
    yield* closeQuestion({ ...same, nowMs });
    return null;
  }
  const taken = yield* run(
    `UPDATE questions SET asker = ?, asker_until = ?, timeout_ms = ? WHERE seq = ? AND asker IS NOT DISTINCT FROM ?`,
    ...[claimant.id, nowMs + LEASE_MS, timeoutMs, same.seq, same.lease],
  );
  return taken === 0 ? null : same;
}

/** A number that no open question to the user has: the one after the last. */
function* freeNumber(account: string, user: string): Step<{ number: number; hasOthers: boolean }> {
  const rows = yield* all(
    `SELECT number, state FROM questions WHERE account = ? AND "user" = ? ORDER BY seq DESC LIMIT ${MOST_NUMBER}`,
    account,
    user,
  );
  const open = new Set(rows.filter(({ state }) => state === 'open').map((row) => row.number as number));
  let number = (rows[0]?.number as number | undefined) ?? 0;
  do number = (number % MOST_NUMBER) + 1;
  while (open.has(number) && open.size < MOST_NUMBER);
  return { number, hasOthers: open.size > 0 };
}

export function* questionView(seq: number): Step<QuestionView | null> {
  const found = yield* storedQuestion(seq);
  return found ? viewOf(found) : null;
}

/** Notes that the asker still waits. */
export function* renewQuestion(input: Parameters<Questions['renew']>[0], claimant: Claimant): Step<void> {
  yield* run(
    'UPDATE questions SET asker_until = ? WHERE seq = ? AND account = ? AND asker = ?',
    ...[input.nowMs + LEASE_MS, input.seq, input.account, claimant.id],
  );
}

/** Notes that nobody waits. */
export function* leaveQuestion(input: { account: string; seq: number }): Step<void> {
  yield* run('UPDATE questions SET asker = NULL WHERE seq = ? AND account = ?', input.seq, input.account);
}

const CLOSE = `UPDATE questions SET state = 'closed', finished_at = COALESCE(finished_at, ?)
  WHERE seq = ? AND account = ? AND state = ?`;

/** Closes a question. Returns it as it was before: with the answer, if that came first. */
export function* closeQuestion(input: Parameters<Questions['close']>[0]): Step<QuestionView | null> {
  for (;;) {
    const found = yield* storedQuestion(input.seq);
    if (!found || found.account !== input.account) return null;
    if (found.state === 'closed') return viewOf(found);
    // Another process may answer it at this moment.
    if ((yield* run(CLOSE, input.nowMs, input.seq, input.account, found.state)) > 0) return viewOf(found);
  }
}

/** Stores the answer to an open question. False: it is not open any more. */
export function* answerQuestion(
  { seq }: Pick<StoredQuestion, 'seq'>,
  { answer, choice, nowMs }: { answer: string; choice: number | null; nowMs: number },
): Step<boolean> {
  const answered = yield* run(
    `UPDATE questions SET state = 'answered', answer = ?, choice = ?, finished_at = ? WHERE seq = ? AND state = 'open'`,
    ...[Buffer.from(answer, 'utf8'), choice, nowMs, seq],
  );
  return answered > 0;
}

/** Notes that the user was told what is wrong with an answer to these questions. */
export function* markTold(questions: readonly Pick<StoredQuestion, 'seq'>[]): Step<void> {
  yield* unawaited(...questions.map(({ seq }) => run('UPDATE questions SET told = 1 WHERE seq = ?', seq)));
}

/** Deletes old questions. Returns how many. */
export function* sweepQuestions(beforeMs: number, batch: number): Step<number> {
  return yield* run(
    `DELETE FROM questions WHERE created_at < ? AND seq IN (SELECT seq FROM questions ORDER BY seq LIMIT ${batch})`,
    beforeMs,
  );
}
