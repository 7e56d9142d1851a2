import type { Database, Row } from '../../sqlite/database.ts';
import type { ClaimRequest, NewPart, PartView, QueuedParts, SendRequest } from '../port/port.ts';
import { appendAndClaim } from './claim.ts';
import type { Claimant } from './lease.ts';
import { appendParts, partsOf, partsOfSendId, partView, replaceKey } from './parts.ts';

/** Parts that answer a message, and the terms on which the first of them is claimed; null: they only wait. */
export interface Answer {
  parts: readonly NewPart[];
  nowMs: number;
  claim: ClaimRequest | null;
}

/** What a step has queued that queues nothing. */
export const NOTHING: QueuedParts = { held: [], claim: null };

/**
 * Commits what a running turn has said: its parts, and its digest as the `index`-th output of the message, in
 * place of whatever an earlier attempt has there and behind it.
 */
export function queueOutput(
  database: Database,
  input: Answer & { account: string; seq: number; output: { index: number; digest: string } },
  claimant: Claimant,
): QueuedParts {
  const row = running(database, input);
  if (!row) return NOTHING;
  const { index, digest } = input.output;
  const outputs = [...outputsOf(row).slice(0, index), digest];
  database.run('UPDATE inbox SET outputs = ?, said = 1 WHERE seq = ?', JSON.stringify(outputs), row.seq);
  return answer(database, row, input, claimant);
}

/** Commits a notice about a running turn, but not when its user was told anything for this message before. */
export function queueNotice(
  database: Database,
  input: Answer & { account: string; seq: number },
  claimant: Claimant,
): QueuedParts {
  const row = running(database, input);
  if (!row || row.said === 1) return NOTHING;
  database.run('UPDATE inbox SET said = 1 WHERE seq = ?', row.seq);
  return answer(database, row, input, claimant);
}

/** Queues what `send` was given, unless its `--id` was queued before. */
export function enqueue(database: Database, request: SendRequest, claimant: Claimant): PartView[] {
  const { account, user, message, id, key } = request;
  const before = id === null ? [] : partsOfSendId(database, account, id);
  if (before.length > 0) return before;
  if (key !== null) replaceKey(database, { account, user, key, nowMs: request.nowMs }, claimant);
  if (message !== null)
    database.run('UPDATE inbox SET said = 1 WHERE account = ? AND id = ?', account, message);
  return partsOf(database, appendParts(database, request, request.parts).seqs);
}

/** Appends parts that answer a message, and claims the first where that is asked for. */
export function answer(
  database: Database,
  { account, user, id }: { account: string; user: string; id: string },
  { parts, nowMs, claim: terms }: Answer,
  claimant: Claimant,
): QueuedParts {
  const [first, ...others] = parts;
  if (!first) return NOTHING;
  const place = { account, user, message: id, nowMs };
  const { seqs, isHeld, claim } = terms
    ? appendAndClaim(database, place, [first, ...others], terms, claimant)
    : { ...appendParts(database, place, parts), claim: null };
  const views = isHeld ? seqs.flatMap((seq) => partView(database, seq) ?? []) : [];
  // A claim after the end of a throttle has released them.
  return { held: views.filter(({ state }) => state === 'held'), claim };
}

/** The message of a turn that runs: what {@link answer} needs of it, and what it has said. */
function running(
  database: Database,
  input: { account: string; seq: number },
): (Row & { seq: number; account: string; id: string; user: string }) | undefined {
  return database.one(
    "SELECT seq, account, id, user, outputs, said FROM inbox WHERE seq = ? AND account = ? AND state = 'running'",
    input.seq,
    input.account,
  ) as ReturnType<typeof running>;
}

/** The digests of what earlier attempts at a message have queued, in order. */
export function outputsOf(row: Row): string[] {
  return row.outputs === null ? [] : (JSON.parse(row.outputs as string) as string[]);
}
