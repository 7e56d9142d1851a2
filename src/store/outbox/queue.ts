import { type Row, run, type Statement, type Step, unawaited } from '../../sql/statement.ts';
import type { ClaimRequest, NewPart, PartView, QueuedParts, SendRequest } from '../port/port.ts';
import { appendAndClaim, appendState } from './claim-next-part.ts';
import { appendParts, partsOf, partsOfSendId, replaceKey } from './parts.ts';
import type { Claimant } from './user-lease.ts';

/** The parts of a reply, and how the first of them is claimed; null: it is not. */
export interface Reply {
  parts: readonly NewPart[];
  nowMs: number;
  claim: ClaimRequest | null;
}

/** The result of a step that queued no part. */
export const NOTHING_QUEUED: QueuedParts = { held: [], claim: null };

/** A text that is expected has come, whatever becomes of it. */
const SEEN = 'UPDATE expected SET last_seen_at = ? WHERE account = ? AND key = ?';

/** What was queued with the `--id` of a `send` before; null: nothing, and what has its `--key` is replaced. */
export function* queuedBefore(request: SendRequest, claimant: Claimant): Step<PartView[] | null> {
  const { account, user, id, key, nowMs } = request;
  const before = id === null ? [] : yield* partsOfSendId(account, id);
  if (before.length > 0) return before;
  if (key !== null) {
    yield* replaceKey({ account, user, key, nowMs }, claimant);
    yield* unawaited(run(SEEN, nowMs, account, key));
  }
  return null;
}

/** Queues the parts of `send`, unless its `--id` was queued before. */
export function* enqueue(request: SendRequest, claimant: Claimant): Step<PartView[]> {
  const { account, message } = request;
  const before = yield* queuedBefore(request, claimant);
  if (before) return before;
  if (message !== null) {
    // The agent of this message has told its user something, through `send`.
    yield* unawaited(run('UPDATE inbox SET said = 1 WHERE account = ? AND id = ?', account, message));
  }
  return yield* partsOf((yield* appendParts(request, request.parts)).seqs);
}

/** What a step that queues a reply asks of the outbox before; its answer is the `outbox` of {@link queueReply}. */
export function outboxFor({ parts, claim }: Reply): Statement<Row | undefined>[] {
  return claim === null || parts.length === 0 ? [] : [appendState(claim)];
}

/** Queues the parts that reply to a message, and claims the first if that is asked for. */
export function* queueReply(
  { account, user, id }: { account: string; user: string; id: string },
  { parts, nowMs, claim: request }: Reply,
  claimant: Claimant,
  outbox: Row | undefined,
): Step<QueuedParts> {
  const [first, ...others] = parts;
  if (!first) return NOTHING_QUEUED;
  const options = { account, user, message: id, nowMs };
  if (!request) {
    const { seqs, isHeld } = yield* appendParts(options, parts);
    return { held: isHeld ? yield* partsOf(seqs) : [], claim: null };
  }
  const { held, claim } = yield* appendAndClaim(options, [first, ...others], request, claimant, outbox);
  // A claim at the end of a throttle has released them.
  return { held: (yield* partsOf(held)).filter(({ state }) => state === 'held'), claim };
}
