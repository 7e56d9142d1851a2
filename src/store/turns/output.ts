import { one, type Row, run, type Statement, type Step, together, unawaited } from '../../sql/statement.ts';
import { NOTHING_QUEUED, outboxFor, queueReply } from '../outbox/queue.ts';
import type { Claimant } from '../outbox/user-lease.ts';
import type { QueuedParts, TurnAttempt, Turns } from '../port/port.ts';

/** Queues what a running turn has output, its digest as the `index`-th, in place of those from `index` on. */
export function* queueOutput(
  input: Parameters<Turns['queueOutput']>[0],
  claimant: Claimant,
): Step<QueuedParts> {
  const [row, outbox] = yield* together(runningMessage(input), ...outboxFor(input));
  if (!isRunning(row)) return NOTHING_QUEUED;
  const { index, digest } = input.output;
  const outputs = [...outputsOf(row).slice(0, index), digest];
  yield* unawaited(
    run('UPDATE inbox SET outputs = ?, said = 1 WHERE seq = ?', JSON.stringify(outputs), row.seq),
  );
  return yield* queueReply(row, input, claimant, outbox);
}

/** Queues a notice about a running turn, unless its user was already told anything for this message. */
export function* queueNotice(
  input: Parameters<Turns['queueNotice']>[0],
  claimant: Claimant,
): Step<QueuedParts> {
  const [row, outbox] = yield* together(runningMessage(input), ...outboxFor(input));
  if (!isRunning(row) || row.said === 1) return NOTHING_QUEUED;
  yield* unawaited(run('UPDATE inbox SET said = 1 WHERE seq = ?', row.seq));
  return yield* queueReply(row, input, claimant, outbox);
}

/** The digests of the output that earlier attempts at a message queued, in order. */
export function outputsOf(row: Row): string[] {
  return row.outputs === null ? [] : (JSON.parse(row.outputs as string) as string[]);
}

type RunningMessage = Row & { seq: number; account: string; id: string; user: string };

/** The message of a turn, as long as this attempt at it runs. */
function runningMessage(input: { account: string; turn: TurnAttempt }): Statement<Row | undefined> {
  return one(
    `SELECT seq, account, id, "user", outputs, said FROM inbox WHERE seq = ? AND account = ? AND state = 'running'
       AND attempt = ?`,
    ...[input.turn.seq, input.account, input.turn.attempt],
  );
}

function isRunning(row: Row | undefined): row is RunningMessage {
  return row !== undefined;
}
