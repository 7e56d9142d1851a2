import type { Choice } from '../../core/message/match-choice.ts';
import { all, one, type Row, type Step } from '../../sql/statement.ts';
import { type Claimant, isLeased } from '../outbox/user-lease.ts';
import type { PartState, QuestionView } from '../port/port.ts';

/** A stored question, with where its part is. */
export interface StoredQuestion extends QuestionView {
  account: string;
  user: string;
  choices: readonly Choice[] | null;
  timeoutMs: number;
  /** Before this its user cannot have seen it. */
  shownFromMs: number;
  /** When it was answered or closed; null: it is open. */
  finishedAtMs: number | null;
  /** What was wrong with an answer was told already. */
  isTold: boolean;
  /** The process that waits, and until when it counts as alive; null: none does. */
  lease: string | null;
  leaseUntilMs: number;
  /** The server's ID of the message that carries it. */
  serverId: string | null;
}

const COLUMNS = `seq, account, "user", number, part, choices, timeout_ms, asker, asker_until, state, answer, choice, told,
  created_at, finished_at`;
const QUESTION = `SELECT ${COLUMNS} FROM questions WHERE seq = ?`;
const SAME = `SELECT ${COLUMNS} FROM questions
  WHERE account = ? AND "user" = ? AND fingerprint = ? AND state <> 'closed' ORDER BY seq DESC LIMIT 1`;
/** How many of a user's newest questions an answer can be for. */
const NEWEST = 50;
const NEWEST_TO = `SELECT ${COLUMNS} FROM questions WHERE account = ? AND "user" = ? ORDER BY seq DESC LIMIT ${NEWEST}`;
const PART = `SELECT seq, state, reason, server_id, finished_at, merged_into, repeats + unsure AS doubts
  FROM parts WHERE seq = ?`;
/** The phone may show a message so long before the server's reply is here. */
const REPLY_MS = 10_000;

/** A question by its number; undefined: it is not stored. */
export function* storedQuestion(seq: number): Step<StoredQuestion | undefined> {
  const row = yield* one(QUESTION, seq);
  return row && (yield* withPart(row));
}

/** The newest question of this fingerprint that somebody may still wait for. */
export function* sameQuestion(about: {
  account: string;
  user: string;
  fingerprint: string;
}): Step<StoredQuestion | undefined> {
  const row = yield* one(SAME, about.account, about.user, about.fingerprint);
  return row && (yield* withPart(row));
}

/** The newest questions to a user, newest first. */
export function* questionsTo(account: string, user: string): Step<StoredQuestion[]> {
  const found: StoredQuestion[] = [];
  for (const row of yield* all(NEWEST_TO, account, user)) found.push(yield* withPart(row));
  return found;
}

function* withPart(row: Row): Step<StoredQuestion> {
  let part = yield* one(PART, row.part as number);
  // Merged with others, which may have been merged again.
  while (part?.merged_into) part = yield* one(PART, part.merged_into);
  const state = (part?.state as PartState | undefined) ?? 'expired';
  const isSent = state === 'confirmed' || state === 'unconfirmed';
  const createdAtMs = row.created_at as number;
  const sentOnceAtMs = isSent && part?.doubts === 0 ? (part.finished_at as number) : 0;
  const choices = row.choices as string | null;
  return {
    seq: row.seq as number,
    account: row.account as string,
    user: row.user as string,
    number: row.number as number,
    state: row.state as QuestionView['state'],
    answer: row.answer === null ? null : (row.answer as Buffer).toString('utf8'),
    choice: row.choice as number | null,
    choices: choices === null ? null : (JSON.parse(choices) as Choice[]),
    timeoutMs: row.timeout_ms as number,
    shownFromMs: Math.max(createdAtMs, sentOnceAtMs - REPLY_MS),
    finishedAtMs: row.finished_at as number | null,
    isTold: row.told === 1,
    lease: row.asker as string | null,
    leaseUntilMs: row.asker_until as number,
    serverId: (part?.server_id as string | null | undefined) ?? null,
    part: {
      seq: row.part as number,
      state,
      reason: (part?.reason as string | null | undefined) ?? null,
      sentAtMs: isSent ? (part?.finished_at as number) : null,
    },
  };
}

/** Whether a living process waits for the answer. */
export function isAwaited(
  { lease, leaseUntilMs }: StoredQuestion,
  claimant: Claimant,
  nowMs: number,
): boolean {
  return lease !== null && isLeased({ lease, lease_until: leaseUntilMs }, claimant, nowMs);
}

/** Whether its time has passed. The clock of a living asker decides for it, and says so by closing it. */
export function isOver(question: StoredQuestion, claimant: Claimant, nowMs: number): boolean {
  const { state, part, timeoutMs } = question;
  if (state !== 'open') return true;
  const isLate = part.sentAtMs !== null && nowMs > part.sentAtMs + timeoutMs;
  return isLate && !isAwaited(question, claimant, nowMs);
}

/** Whether its user may have seen it. */
export function hasReached({ part }: StoredQuestion): boolean {
  return ['sending', 'confirmed', 'unconfirmed'].includes(part.state);
}

export function viewOf({ seq, number, state, answer, choice, part }: StoredQuestion): QuestionView {
  return { seq, number, state, answer, choice, part };
}
