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

/** What was queued with the `--id` of a `send` before; null: nothing. */
export function* queuedBefore({ account, id }: SendRequest): Step<PartView[] | null> {
  const before = id === null ? [] : yield* partsOfSendId(account, id);
  return before.length > 0 ? before : null;
}

/** Replaces what has the `--key` of a `send`, which has come now. Since when that has waited; null: there was nothing. */
export function* replaceBefore(request: SendRequest, claimant: Claimant): Step<number | null> {
  const { account, user, key, nowMs } = request;
  if (key === null) return null;
  yield* unawaited(run(SEEN, nowMs, account, key));
  return yield* replaceKey({ account, user, key, nowMs }, claimant);
}

/** Queues the parts of `send`, unless its `--id` was queued before. */
export function* enqueue(request: SendRequest, claimant: Claimant): Step<PartView[]> {
  const { account, message } = request;
  const before = yield* queuedBefore(request);
  if (before) return before;
  const waitsSinceMs = yield* replaceBefore(request, claimant);
  if (message !== null) {
    // The agent of this message has told its user something, through `send`.
    yield* unawaited(run('UPDATE inbox SET said = 1 WHERE account = ? AND id = ?', account, message));
  }
  return yield* partsOf((yield* appendParts({ waitsSinceMs, ...request }, request.parts)).seqs);
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
