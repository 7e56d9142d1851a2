import { run, type Step } from '../../sql/statement.ts';
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
export function* enqueue(request: SendRequest, claimant: Claimant): Step<PartView[]> {
  const { account, user, message, id, key } = request;
  const before = id === null ? [] : yield* partsOfSendId(account, id);
  if (before.length > 0) return before;
  if (key !== null) yield* replaceKey({ account, user, key, nowMs: request.nowMs }, claimant);
  if (message !== null) {
    // The agent of this message has told its user something, through `send`.
    yield* run('UPDATE inbox SET said = 1 WHERE account = ? AND id = ?', account, message);
  }
  return yield* partsOf((yield* appendParts(request, request.parts)).seqs);
}

/** Queues the parts that reply to a message, and claims the first if that is asked for. */
export function* queueReply(
  { account, user, id }: { account: string; user: string; id: string },
  { parts, nowMs, claim: request }: Reply,
  claimant: Claimant,
): Step<QueuedParts> {
  const [first, ...others] = parts;
  if (!first) return NOTHING_QUEUED;
  const options = { account, user, message: id, nowMs };
  const { seqs, isHeld, claim } = request
    ? yield* appendAndClaim(options, [first, ...others], request, claimant)
    : { ...(yield* appendParts(options, parts)), claim: null };
  const views = isHeld ? yield* partsOf(seqs) : [];
  // A claim at the end of a throttle has released them.
  return { held: views.filter(({ state }) => state === 'held'), claim };
}
