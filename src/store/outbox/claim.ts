import { LONGEST_RESEND_DELAY_MS } from '../../core/time/backoff.ts';
import type { Database, Row } from '../../sqlite/database.ts';
import type { Claim, ClaimRequest, NewPart, PartView } from '../port/port.ts';
import { holdUser } from './holds.ts';
import { type Claimant, leaseLeft, takeLease } from './lease.ts';
import { notePace, paceWait } from './pace.ts';
import {
  appendParts,
  fileOf,
  GIVEN_UP,
  HELD,
  insertPart,
  newView,
  OPEN,
  type Placement,
  textOf,
  viewOf,
} from './parts.ts';
import { throttleLeft } from './throttle.ts';
import { timeLeft } from './time-left.ts';

/** What of the account and of the user, null where he is unknown, decides about a claim. */
const WHO = `login_expired, pace_at, throttle_until, throttle_step, recent_sends, context_token, last_message_at,
  last_message_seq, last_send_at, sent, lease, lease_until`;
const OF_WHOM = 'accounts LEFT JOIN users ON users.account = ?1 AND users.user = ?2';
/** His oldest part that is not final. */
const HEAD = `SELECT seq FROM parts WHERE account = ?1 AND user = ?2 AND ${OPEN} ORDER BY seq LIMIT 1`;

/** All that decides about a claim, in one question: `seq` and the rest of the part are null where there is none. */
const OUTLOOK = `SELECT ${WHO},
    seq, client_id, run_id, message, origin, text, file, upload, state, reason, server_id, body, seen_seq, repeats,
    not_before, expires_at, parts.created_at, held_at, merged_into
  FROM ${OF_WHOM} LEFT JOIN parts ON seq = (${HEAD}) WHERE accounts.account = ?1`;
/** The same for a new part: of the one ahead of it only whether there is one. */
const CLEARANCE = `SELECT ${WHO}, (${HEAD}) AS seq FROM ${OF_WHOM} WHERE accounts.account = ?1`;

/**
 * Takes the next part of a user for one request: in order, one at a time across processes, not
 * faster than the pace. A part whose last result is unknown is repeated unchanged (design 3).
 * Whoever has just asked for the outlook has `known` it.
 */
export function claimPart(database: Database, terms: ClaimRequest, claimant: Claimant, known?: Row): Claim {
  const { nowMs } = terms;
  for (let outlook = known ?? outlookOf(database, terms); ; outlook = outlookOf(database, terms)) {
    if (!outlook || outlook.login_expired === 1 || !hasHead(outlook)) return { kind: 'nothing', held: [] };
    const leaseMs = leaseLeft(outlook, claimant, nowMs);
    if (leaseMs > 0) return { kind: 'wait', waitMs: Math.min(leaseMs, 1_000) };
    if (!isLate(outlook, nowMs)) return claimHead(database, outlook, terms, claimant);
    database.run(
      `UPDATE parts SET state = ${GIVEN_UP}, reason = 'ttl', finished_at = ? WHERE seq = ?`,
      nowMs,
      outlook.seq,
    );
  }
}

function claimHead(
  database: Database,
  outlook: Row & { seq: number },
  terms: ClaimRequest,
  claimant: Claimant,
): Claim {
  const { account, user, nowMs } = terms;
  const throttledMs = throttleLeft(outlook, nowMs);
  if (throttledMs > 0) return { kind: 'wait', waitMs: throttledMs };
  if (outlook.state === 'held') {
    if (outlook.reason !== 'throttle') return { kind: 'nothing', held: [] };
    database.run(
      `UPDATE parts SET state = 'queued', reason = NULL
         WHERE account = ? AND user = ? AND ${HELD} AND reason = 'throttle'`,
      account,
      user,
    );
    outlook.state = 'queued';
  }
  if (outlook.state !== 'sending' && outlook.last_message_at === null) {
    // Nothing goes without a message to this bot; who has written to the one before it is no stranger.
    const reason = (outlook.last_message_seq ?? 0) === 0 ? 'first-contact' : 'context';
    return { kind: 'nothing', held: holdUser(database, { account, user, reason, nowMs }) };
  }
  const ownMs = timeLeft(outlook.not_before, nowMs, LONGEST_RESEND_DELAY_MS);
  const file = fileOf(outlook);
  if (file !== null && outlook.upload === null && outlook.state !== 'sending') {
    if (ownMs > 0) return { kind: 'wait', waitMs: ownMs };
    database.run("UPDATE parts SET state = 'uploading', upload_progress = NULL WHERE seq = ?", outlook.seq);
    takeLease(database, terms, claimant, { sentBefore: null, counts: false });
    return { kind: 'upload', seq: outlook.seq, user, file, tries: outlook.repeats as number };
  }
  const waitMs = Math.max(ownMs, paceWait(outlook, terms));
  if (waitMs > 0) return { kind: 'wait', waitMs };
  return take(database, outlook, terms, claimant);
}

/**
 * Appends parts to a user's outbox and claims the first that may go. A text with nothing ahead of it, which is
 * what most answers are, is stored as the request that it becomes at once.
 */
export function appendAndClaim(
  database: Database,
  place: Placement,
  parts: readonly [NewPart, ...NewPart[]],
  terms: ClaimRequest,
  claimant: Claimant,
): { seqs: number[]; isHeld: boolean; claim: Claim } {
  const [first, ...others] = parts;
  const outlook = database.one(CLEARANCE, terms.account, terms.user);
  if (first.file !== null || !outlook || !isClear(outlook, terms, claimant)) {
    const appended = appendParts(database, place, parts);
    return { ...appended, claim: claimPart(database, terms, claimant) };
  }
  // As it will be read: half a character is stored as a replacement mark.
  const text = Buffer.from(first.text, 'utf8').toString('utf8');
  const body = terms.encode({
    user: terms.user,
    clientId: first.clientId,
    contextToken: outlook.context_token as string | null,
    runId: first.runId,
    text,
    upload: null,
  });
  const seenSeq = outlook.last_message_seq as number;
  const seq = insertPart(database, place, first, { state: 'sending', body, seenSeq });
  const behind = others.map((part) => insertPart(database, place, part, { state: 'queued' }));
  noteRequest(database, outlook, terms, claimant);
  return {
    seqs: [seq, ...behind],
    isHeld: false,
    claim: {
      kind: 'part',
      part: { seq, user: terms.user, body, repeats: 0, view: newView(seq, place, { ...first, text }) },
    },
  };
}

/** Whether a new text may go at once: nothing is ahead of it, and nothing speaks against a request. */
function isClear(outlook: Row, terms: ClaimRequest, claimant: Claimant): boolean {
  return (
    !hasHead(outlook) &&
    outlook.login_expired === 0 &&
    outlook.last_message_at !== null &&
    leaseLeft(outlook, claimant, terms.nowMs) <= 0 &&
    throttleLeft(outlook, terms.nowMs) === 0 &&
    paceWait(outlook, terms) <= 0
  );
}

/** Whether the user has a part that is not final. */
export function hasHead(outlook: Row): outlook is Row & { seq: number } {
  return outlook.seq !== null;
}

/** Whether the time of a text is over before it went (`--ttl`). */
function isLate(head: Row, nowMs: number): boolean {
  const expiresAt = head.expires_at as number | null;
  return head.state !== 'sending' && expiresAt !== null && expiresAt <= nowMs;
}

/** See {@link OUTLOOK}; undefined where there is no such account. */
export function outlookOf(
  database: Database,
  { account, user }: { account: string; user: string },
): Row | undefined {
  return database.one(OUTLOOK, account, user);
}

function take(
  database: Database,
  head: Row & { seq: number },
  terms: ClaimRequest,
  claimant: Claimant,
): Claim {
  const { user } = terms;
  const { seq } = head;
  const repeated = head.state === 'sending' ? (head.body as Buffer) : null;
  const body =
    repeated ??
    terms.encode({
      user,
      clientId: head.client_id as string,
      contextToken: head.context_token as string | null,
      runId: head.run_id as string | null,
      text: textOf(head),
      upload: head.upload === null ? null : (head.upload as Buffer).toString('utf8'),
    });
  // Whoever left it `sending` without a word was killed: that request counts as one of unknown result.
  const repeats = repeated ? Math.max(1, head.repeats as number) : 0;
  database.run(
    "UPDATE parts SET state = 'sending', body = ?, seen_seq = ?, repeats = ?, reason = NULL WHERE seq = ?",
    body,
    repeated ? (head.seen_seq as number) : ((head.last_message_seq as number | null) ?? 0),
    repeats,
    seq,
  );
  noteRequest(database, head, terms, claimant);
  const view: PartView = { ...viewOf(head), account: terms.account, user, state: 'sending', reason: null };
  return { kind: 'part', part: { seq, user, body, repeats, view } };
}

/** A repeat counts too: whether the server takes it for the same message is not known (protocol 4.3). */
function noteRequest(database: Database, outlook: Row, terms: ClaimRequest, claimant: Claimant): void {
  takeLease(database, terms, claimant, { sentBefore: terms.nowMs, counts: true });
  notePace(database, outlook, terms);
}
