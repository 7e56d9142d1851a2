import { resendDelayMs, throttleDelayMs } from '../core/backoff.ts';
import { WxError } from '../core/errors.ts';
import { newClientId } from '../core/ids.ts';
import { BUDGET_MESSAGES, judgeRefusal } from '../core/verdict.ts';
import type { Database, Row } from './database.ts';
import { holdUser, partView } from './outbox.ts';
import type { Claim, ClaimedPart, DeliveryTerms, PartView, SendReply, Verdict } from './port.ts';

/** How long a claim is good without being renewed (design 4). */
const LEASE_MS = 60_000;
/** Parts of one account that may go at once before the pace counts (design 3). */
const BURST = 2;
/** Parts to one user closer than this may swap on the phone (protocol 4.3). */
const USER_GAP_MS = 150;
const FIVE_MINUTES_MS = 300_000;
/** Requests remembered per account: one more than the throttle rule counts. */
const RECENT_SENDS = 14;

/** Who claims, and how to tell whether another claimer still lives. */
export interface Claimant {
  id: string;
  isAlive(holder: string): boolean;
}

/**
 * Takes the next part of a user for one request: in order, one at a time across processes, not
 * faster than the pace. A part whose last result is unknown is repeated unchanged (design 3).
 */
export function claimPart(database: Database, terms: DeliveryTerms, claimant: Claimant): Claim {
  const { account, user, nowMs } = terms;
  const owner = database.one(
    'SELECT login_expired, pace_at, throttle_until, recent_sends FROM accounts WHERE account = ?',
    account,
  );
  if (!owner || owner.login_expired === 1) return { kind: 'nothing', held: [] };
  const who = database.one('SELECT * FROM users WHERE account = ? AND user = ?', account, user);
  const lease = who?.lease as string | null | undefined;
  if (lease && lease !== claimant.id && (who?.lease_until as number) > nowMs && claimant.isAlive(lease)) {
    return { kind: 'wait', waitMs: Math.min((who?.lease_until as number) - nowMs, 1_000) };
  }
  let head = database.one(
    `SELECT * FROM parts WHERE account = ? AND user = ? AND state IN ('queued', 'sending', 'held') ORDER BY seq LIMIT 1`,
    account,
    user,
  );
  if (!head) return { kind: 'nothing', held: [] };
  const throttledMs = ((owner.throttle_until as number | null) ?? 0) - nowMs;
  if (throttledMs > 0) return { kind: 'wait', waitMs: throttledMs };
  if (head.state === 'held') {
    if (head.reason !== 'throttle') return { kind: 'nothing', held: [] };
    database.run(
      `UPDATE parts SET state = 'queued', reason = NULL WHERE account = ? AND user = ? AND state = 'held' AND reason = 'throttle'`,
      account,
      user,
    );
    head = { ...head, state: 'queued' };
  }
  if (head.state === 'queued' && (who?.last_message_at ?? null) === null) {
    return { kind: 'nothing', held: holdUser(database, { account, user, reason: 'first-contact', nowMs }) };
  }
  const waitMs = waitOf(head, owner, who, terms);
  if (waitMs > 0) return { kind: 'wait', waitMs };
  return { kind: 'part', part: take(database, head, owner, who, terms, claimant) };
}

/** Milliseconds until this part may go: its own delay, the gap to the user's last part, the account's pace. */
function waitOf(head: Row, owner: Row, who: Row | undefined, terms: DeliveryTerms): number {
  const { nowMs, paceMs } = terms;
  const own = (head.not_before as number) - nowMs;
  if (paceMs === 0) return own;
  // A stored time in the future (the clock was set back) counts as now.
  const gap = Math.min(USER_GAP_MS, ((who?.last_send_at as number | undefined) ?? 0) + USER_GAP_MS - nowMs);
  const pace = Math.min(paceMs, (owner.pace_at as number) - (BURST - 1) * paceMs - nowMs);
  return Math.max(own, gap, pace);
}

function take(
  database: Database,
  head: Row,
  owner: Row,
  who: Row | undefined,
  terms: DeliveryTerms,
  claimant: Claimant,
): ClaimedPart {
  const { account, user, nowMs, paceMs } = terms;
  const seq = head.seq as number;
  const repeated = head.state === 'sending' ? (head.body as Buffer) : null;
  const body =
    repeated ??
    terms.encode({
      user,
      clientId: head.client_id as string,
      contextToken: (who?.context_token as string | null | undefined) ?? null,
      runId: head.run_id as string | null,
      text: Buffer.from(head.text as Buffer).toString('utf8'),
    });
  if (!repeated) {
    database.run(
      "UPDATE parts SET state = 'sending', body = ?, seen_seq = ?, reason = NULL WHERE seq = ?",
      body,
      (who?.last_message_seq as number | undefined) ?? 0,
      seq,
    );
  }
  database.run(
    `UPDATE users SET lease = ?, lease_until = ?, last_send_at = ?, sent = sent + ? WHERE account = ? AND user = ?`,
    claimant.id,
    nowMs + LEASE_MS,
    nowMs,
    repeated ? 0 : 1,
    account,
    user,
  );
  const paceAt = Math.max(nowMs, Math.min(owner.pace_at as number, nowMs + BURST * paceMs)) + paceMs;
  const recent = [...(JSON.parse(owner.recent_sends as string) as number[]), nowMs].slice(-RECENT_SENDS);
  database.run(
    'UPDATE accounts SET pace_at = ?, recent_sends = ? WHERE account = ?',
    paceAt,
    JSON.stringify(recent),
    account,
  );
  return {
    seq,
    user,
    clientId: head.client_id as string,
    message: head.message as string | null,
    body,
    repeats: head.repeats as number,
  };
}

/** Commits what the server said of a claimed part, and frees the user for the next claim. */
export function settlePart(
  database: Database,
  input: { account: string; seq: number; reply: SendReply; nowMs: number },
): Verdict {
  const { account, seq, reply, nowMs } = input;
  const part = database.one('SELECT * FROM parts WHERE seq = ? AND account = ?', seq, account);
  const user = part?.user as string;
  database.run('UPDATE users SET lease = NULL WHERE account = ? AND user = ?', account, user);
  // A takeover or a dropped part: the answer changes nothing any more.
  if (!part || part.state !== 'sending') return verdictOf(database, seq, null);
  switch (reply.kind) {
    case 'accepted':
      database.run(
        'UPDATE parts SET state = ?, server_id = ?, reason = NULL, body = NULL, finished_at = ? WHERE seq = ?',
        reply.messageId ? 'confirmed' : 'unconfirmed',
        reply.messageId,
        nowMs,
        seq,
      );
      database.run(
        'UPDATE accounts SET throttle_until = NULL, throttle_step = 0 WHERE account = ? AND throttle_step > 0',
        account,
      );
      return verdictOf(database, seq, null);
    case 'unknown': {
      const waitMs = resendDelayMs((part.repeats as number) + 1);
      database.run(
        'UPDATE parts SET repeats = repeats + 1, not_before = ?, reason = ? WHERE seq = ?',
        nowMs + waitMs,
        reply.detail,
        seq,
      );
      return verdictOf(database, seq, waitMs);
    }
    case 'rejected':
      return refuse(database, part, `HTTP ${reply.status}`, nowMs);
    case 'refused':
      return settleRefusal(database, part, reply, nowMs);
  }
}

function settleRefusal(
  database: Database,
  part: Row,
  reply: { code: number; errmsg: string },
  nowMs: number,
): Verdict {
  const account = part.account as string;
  const user = part.user as string;
  const seq = part.seq as number;
  const who = database.one('SELECT * FROM users WHERE account = ? AND user = ?', account, user);
  const owner = database.one('SELECT recent_sends, throttle_step FROM accounts WHERE account = ?', account);
  const recent = JSON.parse((owner?.recent_sends as string | undefined) ?? '[]') as number[];
  const lastMessageAt = (who?.last_message_at as number | null | undefined) ?? null;
  const judgement = judgeRefusal({
    ...reply,
    userWroteSince: ((who?.last_message_seq as number | undefined) ?? 0) > (part.seen_seq as number),
    sentSinceMessage: Math.max(0, ((who?.sent as number | undefined) ?? 1) - 1),
    messageAgeMs: lastMessageAt === null ? null : nowMs - lastMessageAt,
    sentLastSecond: recent.filter((at) => at > nowMs - 1_000).length,
    sentLastFiveMinutes: recent.filter((at) => at > nowMs - FIVE_MINUTES_MS).length,
    tries: (part.tries as number) + 1,
  });
  if (judgement.kind === 'refused') return refuse(database, part, judgement.reason, nowMs);
  refund(database, part);
  const waitMs = judgement.kind === 'again' ? judgement.waitMs : 0;
  // After a definite refusal the request may change: newer token, new client id (design 3).
  database.run(
    `UPDATE parts SET state = 'queued', body = NULL, client_id = ?, tries = tries + 1, repeats = 0, not_before = ?, reason = ?
       WHERE seq = ?`,
    newClientId(),
    nowMs + waitMs,
    `code ${reply.code}`,
    seq,
  );
  if (judgement.kind === 'again') return verdictOf(database, seq, waitMs);
  const held = holdUser(database, { account, user, reason: judgement.reason, nowMs });
  if (judgement.reason !== 'throttle') return verdictOf(database, seq, null, held);
  const step = ((owner?.throttle_step as number | undefined) ?? 0) + 1;
  const throttleMs = throttleDelayMs(step);
  database.run(
    'UPDATE accounts SET throttle_until = ?, throttle_step = ? WHERE account = ?',
    nowMs + throttleMs,
    step,
    account,
  );
  return verdictOf(database, seq, throttleMs, held);
}

function refuse(database: Database, part: Row, reason: string, nowMs: number): Verdict {
  refund(database, part);
  database.run(
    "UPDATE parts SET state = 'refused', reason = ?, body = NULL, finished_at = ? WHERE seq = ?",
    reason,
    nowMs,
    part.seq as number,
  );
  return verdictOf(database, part.seq as number, null);
}

/** A definitely refused part has not used the budget, unless the user's new message has reset it meanwhile. */
function refund(database: Database, part: Row): void {
  database.run(
    'UPDATE users SET sent = MAX(0, sent - 1) WHERE account = ? AND user = ? AND last_message_seq = ?',
    part.account as string,
    part.user as string,
    part.seen_seq as number,
  );
}

/**
 * Gives a claimed part back: its request was refused for a reason that lies in the login. One whose
 * earlier result is unknown stays as it is, for it may have arrived.
 */
export function returnPart(database: Database, input: { account: string; seq: number }): void {
  const part = database.one("SELECT * FROM parts WHERE seq = ? AND state = 'sending'", input.seq);
  if (!part) return;
  if (part.repeats === 0) {
    refund(database, part);
    database.run("UPDATE parts SET state = 'queued', body = NULL WHERE seq = ?", input.seq);
  }
  database.run(
    'UPDATE users SET lease = NULL WHERE account = ? AND user = ?',
    input.account,
    part.user as string,
  );
}

function verdictOf(database: Database, seq: number, waitMs: number | null, held: PartView[] = []): Verdict {
  const part = partView(database, seq);
  if (!part) throw new WxError('internal', `there is no part ${seq}`);
  const who = database.one('SELECT sent FROM users WHERE account = ? AND user = ?', part.account, part.user);
  const sent = (who?.sent as number | undefined) ?? 0;
  return {
    part,
    waitMs,
    held: held.filter((other) => other.seq !== seq),
    budgetLeft: Math.max(0, BUDGET_MESSAGES - sent),
  };
}
