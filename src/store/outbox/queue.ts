import type { Database } from '../../sqlite/database.ts';
import type { ClaimRequest, NewPart, PartView, QueuedParts, SendRequest } from '../port/port.ts';
import { appendAndClaim } from './claim.ts';
import type { Claimant } from './lease.ts';
import { appendParts, partsOf, partsOfSendId, replaceKey } from './parts.ts';

/** The parts of a reply, and how the first of them is claimed; null: it is not. */
export interface Reply {
  parts: readonly NewPart[];
  nowMs: number;
  claim: ClaimRequest | null;
}

/** The result of a step that queued no part. */
export const NOTHING_QUEUED: QueuedParts = { held: [], claim: null };

/** Queues the parts of `send`, unless its `--id` was queued before. */
export function enqueue(database: Database, request: SendRequest, claimant: Claimant): PartView[] {
  const { account, user, message, id, key } = request;
  const before = id === null ? [] : partsOfSendId(database, account, id);
  if (before.length > 0) return before;
  if (key !== null) replaceKey(database, { account, user, key, nowMs: request.nowMs }, claimant);
  if (message !== null) {
    // The agent of this message has told its user something, through `send`.
    database.run('UPDATE inbox SET said = 1 WHERE account = ? AND id = ?', account, message);
  }
  return partsOf(database, appendParts(database, request, request.parts).seqs);
}

/** Queues the parts that reply to a message, and claims the first if that is asked for. */
export function queueReply(
  database: Database,
  { account, user, id }: { account: string; user: string; id: string },
  { parts, nowMs, claim: request }: Reply,
  claimant: Claimant,
): QueuedParts {
  const [first, ...others] = parts;
  if (!first) return NOTHING_QUEUED;
  const options = { account, user, message: id, nowMs };
  const { seqs, isHeld, claim } = request
    ? appendAndClaim(database, options, [first, ...others], request, claimant)
    : { ...appendParts(database, options, parts), claim: null };
  const views = isHeld ? partsOf(database, seqs) : [];
  // A claim at the end of a throttle has released them.
  return { held: views.filter(({ state }) => state === 'held'), claim };
}
