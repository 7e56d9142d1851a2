import { LONGEST_RESEND_DELAY_MS } from '../../core/time/backoff.ts';
import { timeLeftMs } from '../../core/time/clock.ts';
import { nextSeq, sql } from '../../sql/dialect.ts';
import {
  one,
  type Row,
  run,
  type Statement,
  type Step,
  type Unawaited,
  unawaited,
} from '../../sql/statement.ts';
import type { Claim, ClaimRequest, NewPart, PartView } from '../port/port.ts';
import { wordBeforeTheLast } from './ask-for-word.ts';
import { storeContents } from './blob-rows.ts';
import { countRequest, refundBudget } from './budget.ts';
import { dropLate } from './drop-late.ts';
import { holdUser } from './hold-and-release.ts';
import { holdUntilFirstMessage } from './hold-policy.ts';
import { HELD, OPEN } from './part-states.ts';
import {
  appendParts,
  fileOf,
  insertPart,
  insertPartAs,
  type NewPartOptions,
  newView,
  textOf,
  viewOf,
} from './parts.ts';
import { paceWait, recordRequest, throttleLeft, throttleLeftFor } from './rate-limit.ts';
import { type Claimant, freeLease, leaseLeft, takeLease } from './user-lease.ts';

/** The columns of the account and of the user that decide about a claim; those of an unknown user are null. */
const ACCOUNT_AND_USER = `login_expired, pace_at, throttle_until, throttle_step, recent_sends, context_token, last_message_at,
  last_message_seq, last_send_at, sent, lease, lease_until`;
const FROM_ACCOUNT_AND_USER = 'accounts LEFT JOIN users ON users.account = ?1 AND users."user" = ?2';
/** The user's oldest part that is not final. */
const HEAD = `SELECT seq FROM parts WHERE account = ?1 AND "user" = ?2 AND ${OPEN} ORDER BY seq LIMIT 1`;

/** Everything that decides about a claim, in one query; without an open part, the columns of the part are null. */
const CLAIM_STATE = `SELECT ${ACCOUNT_AND_USER},
    seq, client_id, run_id, message, origin, text, file, upload, state, reason, server_id, body, seen_seq, repeats,
    throttled, not_before, expires_at, parts.created_at, held_at, merged_into
  FROM ${FROM_ACCOUNT_AND_USER} LEFT JOIN parts ON seq = (${HEAD}) WHERE accounts.account = ?1`;
/** The same for a new part, with its number; of the part ahead of it, only its number. */
const APPEND_STATE = sql`SELECT ${ACCOUNT_AND_USER}, (${HEAD}) AS seq, ${nextSeq('parts')} AS new_seq
  FROM ${FROM_ACCOUNT_AND_USER} WHERE accounts.account = ?1`;

const NEW_SEQ = sql`SELECT ${nextSeq('parts')} AS new_seq`;

/** The texts of a user whose `--ttl` has ended; what is sent just now is not among them. */
const IS_LATE = `account = ?2 AND "user" = ?3 AND ${OPEN} AND state <> 'sending' AND expires_at <= ?1`;

/**
 * Claims the next part of a user for one request: in order, one at a time across processes, no faster than the pace
 * allows. A part whose last result is unknown is repeated unchanged. `known` is the {@link claimState} of
 * the user, if the caller has just read it.
 */
export function* claimPart(request: ClaimRequest, claimant: Claimant, known?: Row): Step<Claim> {
  const { nowMs } = request;
  for (let row = known ?? (yield* claimState(request)); ; row = yield* claimState(request)) {
    if (!row || row.login_expired === 1 || !hasHead(row)) return { kind: 'nothing', held: [] };
    const leaseMs = leaseLeft(row, claimant, nowMs);
    if (leaseMs > 0) return { kind: 'wait', waitMs: Math.min(leaseMs, 1_000) };
    if (!isLate(row, nowMs)) return yield* claimHead(row, request, claimant);
    // All of them at once: one by one, PostgreSQL would read those before it again and again.
    yield* dropLate(IS_LATE, nowMs, request.account, request.user);
  }
}

function* claimHead(head: Row & { seq: number }, request: ClaimRequest, claimant: Claimant): Step<Claim> {
  const { account, user, nowMs } = request;
  const throttledMs = throttleLeftFor(head, request);
  if (throttledMs > 0) return { kind: 'wait', waitMs: throttledMs };
  if (head.state === 'held') {
    if (head.reason !== 'throttle') return { kind: 'nothing', held: [] };
    yield* unawaited(
      run(
        `UPDATE parts SET state = 'queued', reason = NULL
           WHERE account = ? AND "user" = ? AND ${HELD} AND reason = 'throttle'`,
        account,
        user,
      ),
    );
    head.state = 'queued';
  }
  const reason = head.state === 'sending' ? null : holdUntilFirstMessage(head);
  if (reason !== null) {
    return { kind: 'nothing', held: yield* holdUser({ account, user, reason, nowMs }) };
  }
  const ownMs = timeLeftMs(head.not_before as number | null, nowMs, LONGEST_RESEND_DELAY_MS);
  const file = fileOf(head);
  if (file !== null && head.upload === null && head.state !== 'sending') {
    if (ownMs > 0) return { kind: 'wait', waitMs: ownMs };
    yield* unawaited(
      run("UPDATE parts SET state = 'uploading', upload_progress = NULL WHERE seq = ?", head.seq),
      takeLease(request, claimant),
    );
    return { kind: 'upload', seq: head.seq, user, file, tries: head.repeats as number };
  }
  const waitMs = Math.max(ownMs, paceWait(head, request));
  if (waitMs > 0) return { kind: 'wait', waitMs };
  const word = yield* wordBeforeTheLast(head, request);
  if (word === null) return yield* sendHead(head, request, claimant);
  const numbered = yield* one(NEW_SEQ);
  return yield* sendNew(head, numbered?.new_seq as number, { ...request, message: null }, word, claimant);
}

/**
 * Appends parts to a user's outbox and claims the first that may go. Most replies are a text with no part ahead of it:
 * such a text is stored as the request that it becomes at once. `row` is the {@link appendState}.
 */
export function* appendAndClaim(
  options: NewPartOptions,
  parts: readonly [NewPart, ...NewPart[]],
  request: ClaimRequest,
  claimant: Claimant,
  row: Row | undefined,
): Step<{ held: number[]; claim: Claim }> {
  const [first, ...others] = parts;
  if (first.file !== null || !row || !isClear(row, request, claimant)) {
    const { seqs, isHeld } = yield* appendParts(options, parts);
    return { held: isHeld ? seqs : [], claim: yield* claimPart(request, claimant) };
  }
  const claim = yield* sendNew(
    row,
    row.new_seq as number,
    Object.assign({}, request, options),
    first,
    claimant,
  );
  if (others.length > 0) {
    yield* storeContents(
      options.account,
      others.map(({ file }) => file),
    );
    yield* unawaited(...others.map((part) => insertPart(options, part, { state: 'queued' })));
  }
  return { held: [], claim };
}

/** Stores a new text as the request that it becomes at once; `row` has the columns of the account and of the user. */
function* sendNew(
  row: Row,
  seq: number,
  request: ClaimRequest & NewPartOptions,
  part: NewPart,
  claimant: Claimant,
): Step<Claim> {
  // As it will be read back: half a character is stored as a replacement mark.
  const text = Buffer.from(part.text, 'utf8').toString('utf8');
  const body = request.encode({
    user: request.user,
    clientId: part.clientId,
    contextToken: row.context_token as string | null,
    runId: part.runId,
    text,
    upload: null,
  });
  const seenSeq = row.last_message_seq as number;
  const initial = { state: 'sending', body, seenSeq } as const;
  yield* unawaited(insertPartAs(seq, request, part, initial));
  yield* startRequest(row, request, claimant);
  const view = newView(seq, request, part, initial);
  return { kind: 'part', part: { seq, user: request.user, body, repeats: 0, view } };
}

/** Whether a new text may be sent at once: no part is ahead of it, and nothing forbids a request. */
function isClear(row: Row, request: ClaimRequest, claimant: Claimant): boolean {
  return (
    !hasHead(row) &&
    row.login_expired === 0 &&
    row.last_message_at !== null &&
    leaseLeft(row, claimant, request.nowMs) <= 0 &&
    throttleLeft(row, request.nowMs) === 0 &&
    paceWait(row, request) <= 0
  );
}

/** Whether the user has a part that is not final. */
export function hasHead(row: Row): row is Row & { seq: number } {
  return row.seq !== null;
}

/** Whether the `--ttl` of a text has ended before it was sent. */
function isLate(head: Row, nowMs: number): boolean {
  const expiresAt = head.expires_at as number | null;
  return head.state !== 'sending' && expiresAt !== null && expiresAt <= nowMs;
}

/** See {@link APPEND_STATE}; undefined when there is no such account. */
export function appendState({ account, user }: ClaimRequest): Statement<Row | undefined> {
  return one(APPEND_STATE, account, user);
}

/** See {@link CLAIM_STATE}; undefined when there is no such account. */
export function claimState({ account, user }: { account: string; user: string }): Statement<Row | undefined> {
  return one(CLAIM_STATE, account, user);
}

/** Claims the oldest part for a `sendmessage`. */
function* sendHead(head: Row & { seq: number }, request: ClaimRequest, claimant: Claimant): Step<Claim> {
  const { user } = request;
  const { seq } = head;
  const repeated = head.state === 'sending' ? (head.body as Buffer) : null;
  const body =
    repeated ??
    request.encode({
      user,
      clientId: head.client_id as string,
      contextToken: head.context_token as string | null,
      runId: head.run_id as string | null,
      text: textOf(head),
      upload: head.upload === null ? null : (head.upload as Buffer).toString('utf8'),
    });
  // A process that left it `sending` without a verdict was killed: the result of that request is unknown.
  const repeats = repeated ? Math.max(1, head.repeats as number) : 0;
  yield* unawaited(
    run(
      "UPDATE parts SET state = 'sending', body = ?, seen_seq = ?, repeats = ?, reason = NULL WHERE seq = ?",
      ...[body, repeated ? (head.seen_seq as number) : ((head.last_message_seq as number | null) ?? 0)],
      ...[repeats, seq],
    ),
  );
  yield* startRequest(head, request, claimant);
  const view: PartView = { ...viewOf(head), account: request.account, user, state: 'sending', reason: null };
  return { kind: 'part', part: { seq, user, body, repeats, view } };
}

/** Takes the lease, and counts the request for budget and pace. A repeat counts too: the server may take it for another message (protocol 4.3). */
function startRequest(row: Row, request: ClaimRequest, claimant: Claimant): Unawaited {
  return unawaited(countRequest(request, claimant), recordRequest(row, request));
}

/**
 * Ends the claim of a part: frees the lease on its user. The part is null when it is in another state than the claim
 * left it in (null: `sending` or `uploading`). `isOwn` is false when the lease has run out and another process has it.
 */
export function* endClaim(
  { account, seq }: { account: string; seq: number },
  state: 'sending' | 'uploading' | null,
  claimant: string,
): Step<{ part: Row | null; isOwn: boolean }> {
  const row = yield* one(
    `SELECT seq, account, "user", client_id, origin, state, seen_seq, tries, repeats, unsent, throttled, unsure,
       CASE WHEN upload IS NULL THEN 0 ELSE 1 END AS has_upload FROM parts
       WHERE seq = ? AND account = ?`,
    seq,
    account,
  );
  if (!row) return { part: null, isOwn: false };
  const isOwn = (yield* freeLease({ account, user: row.user as string }, claimant)) > 0;
  const isClaimed =
    state === null ? row.state === 'sending' || row.state === 'uploading' : row.state === state;
  return { part: isClaimed ? row : null, isOwn };
}

/** Gives a claimed part back, because the login refused it. One with an unknown result stays: it may have arrived. */
export function* returnPart(input: { account: string; seq: number }, claimant: string): Step<void> {
  const { part, isOwn } = yield* endClaim(input, null, claimant);
  if (!part || !isOwn) return;
  if (part.state === 'sending') {
    if (part.repeats !== 0) return;
    yield* refundBudget(part);
  }
  yield* unawaited(run("UPDATE parts SET state = 'queued', body = NULL WHERE seq = ?", input.seq));
}
