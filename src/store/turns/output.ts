import type { Database, Row } from '../../sqlite/database.ts';
import type { Claimant } from '../outbox/lease.ts';
import { NOTHING_QUEUED, queueReply, type Reply } from '../outbox/queue.ts';
import type { QueuedParts } from '../port/port.ts';

/**
 * Queues what a running turn has output, with its digest as the `index`-th output of the message. It replaces the
 * digests that an earlier attempt stored from `index` on.
 */
export function queueOutput(
  database: Database,
  input: Reply & { account: string; seq: number; output: { index: number; digest: string } },
  claimant: Claimant,
): QueuedParts {
  const row = runningMessage(database, input);
  if (!row) return NOTHING_QUEUED;
  const { index, digest } = input.output;
  const outputs = [...outputsOf(row).slice(0, index), digest];
  database.run('UPDATE inbox SET outputs = ?, said = 1 WHERE seq = ?', JSON.stringify(outputs), row.seq);
  return queueReply(database, row, input, claimant);
}

/** Queues a notice about a running turn, unless its user was already told anything for this message. */
export function queueNotice(
  database: Database,
  input: Reply & { account: string; seq: number },
  claimant: Claimant,
): QueuedParts {
  const row = runningMessage(database, input);
  if (!row || row.said === 1) return NOTHING_QUEUED;
  database.run('UPDATE inbox SET said = 1 WHERE seq = ?', row.seq);
  return queueReply(database, row, input, claimant);
}

/** The digests of the output that earlier attempts at a message queued, in order. */
export function outputsOf(row: Row): string[] {
  return row.outputs === null ? [] : (JSON.parse(row.outputs as string) as string[]);
}

/** The message of a running turn. */
function runningMessage(
  database: Database,
  input: { account: string; seq: number },
): (Row & { seq: number; account: string; id: string; user: string }) | undefined {
  return database.one(
    "SELECT seq, account, id, user, outputs, said FROM inbox WHERE seq = ? AND account = ? AND state = 'running'",
    input.seq,
    input.account,
  ) as ReturnType<typeof runningMessage>;
}
