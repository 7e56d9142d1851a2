import { resendDelayMs } from '../core/backoff.ts';
import type { Database, Row } from './database.ts';
import { holdUser } from './holds.ts';
import type { Claim, DeliveryTerms } from './outbox-port.ts';
import { fileOf, OPEN, textOf } from './parts.ts';
import { throttleLeft } from './throttle.ts';
import { timeLeft } from './time-left.ts';

/** How long a claim is good without being renewed (design 4). */
const LEASE_MS = 60_000;
/** Parts of one account that may go at once before the pace counts (design 3). */
const BURST = 2;
/** Parts to one user closer than this may swap on the phone (protocol 4.3). */
const USER_GAP_MS = 150;
/** Requests remembered per account: one more than the throttle rule counts. */
const RECENT_SENDS = 14;
/** Another process may have a slower pace than this one, up to here. */
const SLOW_PACE_MS = 60_000;
const LONGEST_RESEND_MS = resendDelayMs(Number.POSITIVE_INFINITY);

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
  const who = database.one(
    `SELECT context_token, last_message_at, last_message_seq, last_send_at, lease, lease_until FROM users
       WHERE account = ? AND user = ?`,
    account,
    user,
  );
  const leaseMs = leaseLeft(who, claimant, nowMs);
  if (leaseMs > 0) return { kind: 'wait', waitMs: Math.min(leaseMs, 1_000) };
  const head = headOf(database, account, user, nowMs);
  if (!head) return { kind: 'nothing', held: [] };
  const throttledMs = throttleLeft(owner, nowMs);
  if (throttledMs > 0) return { kind: 'wait', waitMs: throttledMs };
  if (head.state === 'held') {
    if (head.reason !== 'throttle') return { kind: 'nothing', held: [] };
    database.run(
      `UPDATE parts SET state = 'queued', reason = NULL
         WHERE account = ? AND user = ? AND ${OPEN} AND +state = 'held' AND reason = 'throttle'`,
      account,
      user,
    );
    head.state = 'queued';
  }
  if (head.state !== 'sending' && (who?.last_message_at ?? null) === null) {
    // Nothing goes without a message to this bot; who has written to the one before it is no stranger.
    const reason = (who?.last_message_seq ?? 0) === 0 ? 'first-contact' : 'context';
    return { kind: 'nothing', held: holdUser(database, { account, user, reason, nowMs }) };
  }
  const file = fileOf(head);
  if (file !== null && head.upload === null && head.state !== 'sending') {
    const ownMs = timeLeft(head.not_before, nowMs, LONGEST_RESEND_MS);
    if (ownMs > 0) return { kind: 'wait', waitMs: ownMs };
    database.run("UPDATE parts SET state = 'uploading' WHERE seq = ?", head.seq as number);
    takeLease(database, terms, claimant, { sentBefore: null, counts: false });
    return { kind: 'upload', seq: head.seq as number, user, file, tries: head.repeats as number };
  }
  const waitMs = waitOf(head, owner, who, terms);
  if (waitMs > 0) return { kind: 'wait', waitMs };
  return take(database, head, owner, who, terms, claimant);
}

/** The same after another part: mostly there is no more, and then one question is enough. */
export function claimNext(database: Database, terms: DeliveryTerms, claimant: Claimant): Claim {
  const open = database.one(
    `SELECT 1 FROM parts WHERE account = ? AND user = ? AND ${OPEN} LIMIT 1`,
    terms.account,
    terms.user,
  );
  return open ? claimPart(database, terms, claimant) : { kind: 'nothing', held: [] };
}

/** Milliseconds for which another living process has this user. */
function leaseLeft(who: Row | undefined, claimant: Claimant, nowMs: number): number {
  const lease = who?.lease as string | null | undefined;
  if (!lease || lease === claimant.id || !claimant.isAlive(lease)) return 0;
  return (who?.lease_until as number) - nowMs;
}

/** The user's oldest part that is not final; texts whose `--ttl` is over are dropped on the way. */
function headOf(database: Database, account: string, user: string, nowMs: number): Row | undefined {
  for (;;) {
    const head = database.one(
      `SELECT seq, client_id, run_id, text, file, upload, state, reason, body, seen_seq, repeats, not_before, expires_at
         FROM parts WHERE account = ? AND user = ? AND ${OPEN} ORDER BY seq LIMIT 1`,
      account,
      user,
    );
    const expiresAt = head?.expires_at as number | null | undefined;
    if (!head || head.state === 'sending' || !expiresAt || expiresAt > nowMs) return head;
    database.run(
      "UPDATE parts SET state = 'expired', reason = 'ttl', finished_at = ? WHERE seq = ?",
      nowMs,
      head.seq as number,
    );
  }
}

/** Milliseconds until this part may go: its own delay, the gap to the user's last part, the account's pace. */
function waitOf(head: Row, owner: Row, who: Row | undefined, terms: DeliveryTerms): number {
  const { nowMs, paceMs } = terms;
  const ownMs = timeLeft(head.not_before, nowMs, LONGEST_RESEND_MS);
  if (paceMs === 0) return ownMs;
  const gapMs = timeLeft(((who?.last_send_at as number | undefined) ?? 0) + USER_GAP_MS, nowMs, USER_GAP_MS);
  return Math.max(ownMs, gapMs, paceLeft(owner, terms) - (BURST - 1) * paceMs);
}

/** Milliseconds until the account has all of its burst again. */
function paceLeft(owner: Row, { nowMs, paceMs }: DeliveryTerms): number {
  return timeLeft(owner.pace_at, nowMs, Math.max(BURST * paceMs, SLOW_PACE_MS));
}

function take(
  database: Database,
  head: Row,
  owner: Row,
  who: Row | undefined,
  terms: DeliveryTerms,
  claimant: Claimant,
): Claim {
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
      text: textOf(head),
      upload: head.upload === null ? null : (head.upload as Buffer).toString('utf8'),
    });
  // Whoever left it `sending` without a word was killed: that request counts as one of unknown result.
  const repeats = repeated ? Math.max(1, head.repeats as number) : 0;
  database.run(
    "UPDATE parts SET state = 'sending', body = ?, seen_seq = ?, repeats = ?, reason = NULL WHERE seq = ?",
    body,
    repeated ? (head.seen_seq as number) : ((who?.last_message_seq as number | undefined) ?? 0),
    repeats,
    seq,
  );
  // A repeat counts too: whether the server takes it for the same message is not known (protocol 4.3).
  takeLease(database, terms, claimant, { sentBefore: nowMs, counts: true });
  const paceAt = nowMs + Math.min(paceLeft(owner, terms), BURST * paceMs) + paceMs;
  const recent = [...(JSON.parse(owner.recent_sends as string) as number[]), nowMs].slice(-RECENT_SENDS);
  database.run(
    'UPDATE accounts SET pace_at = ?, recent_sends = ? WHERE account = ?',
    paceAt,
    JSON.stringify(recent),
    account,
  );
  return { kind: 'part', part: { seq, user, body, repeats } };
}

/** Keeps a claim that is still the caller's for another {@link LEASE_MS}. */
export function renewLease(
  database: Database,
  input: { account: string; user: string; nowMs: number },
  claimant: string,
): void {
  database.run(
    'UPDATE users SET lease_until = ? WHERE account = ? AND user = ? AND lease = ?',
    input.nowMs + LEASE_MS,
    input.account,
    input.user,
    claimant,
  );
}

function takeLease(
  database: Database,
  { account, user, nowMs }: DeliveryTerms,
  claimant: Claimant,
  send: { sentBefore: number | null; counts: boolean },
): void {
  database.run(
    `UPDATE users SET lease = ?, lease_until = ?, last_send_at = COALESCE(?, last_send_at), sent = sent + ?
       WHERE account = ? AND user = ?`,
    claimant.id,
    nowMs + LEASE_MS,
    send.sentBefore,
    send.counts ? 1 : 0,
    account,
    user,
  );
}
