import { newClientId } from '../core/ids.ts';
import type { Database, Row } from './database.ts';
import type { HeldText, Intake, NewPart, PartOrigin, PartState, PartView } from './port.ts';

const OPEN = "state IN ('queued', 'uploading', 'sending', 'held')";

/**
 * Appends parts to a user's outbox. Behind a held part they are held as well: the outbox is one
 * queue, and nothing overtakes (design 3). Returns their numbers.
 */
export function appendParts(
  database: Database,
  input: { account: string; user: string; message: string | null; parts: readonly NewPart[]; nowMs: number },
): number[] {
  if (input.parts.length === 0) return [];
  const ahead = database.one(
    "SELECT reason FROM parts WHERE account = ? AND user = ? AND state = 'held' LIMIT 1",
    input.account,
    input.user,
  );
  return input.parts.map((part) => {
    const { rowid } = database.run(
      `INSERT INTO parts (account, user, client_id, message, origin, run_id, kind, text, state, reason, created_at, held_at)
         VALUES (?, ?, ?, ?, ?, ?, 'text', ?, ?, ?, ?, ?)`,
      input.account,
      input.user,
      part.clientId,
      input.message,
      part.origin,
      part.runId,
      Buffer.from(part.text, 'utf8'),
      ahead ? 'held' : 'queued',
      ahead ? (ahead.reason ?? null) : null,
      input.nowMs,
      ahead ? input.nowMs : null,
    );
    return rowid;
  });
}

/** Puts everything a user has queued on hold. Returns the parts as they are now. */
export function holdUser(
  database: Database,
  input: { account: string; user: string; reason: string; nowMs: number },
): PartView[] {
  const { account, user, reason, nowMs } = input;
  database.run(
    `UPDATE parts SET state = 'held', reason = ?, held_at = COALESCE(held_at, ?), body = NULL
       WHERE account = ? AND user = ? AND state = 'queued'`,
    reason,
    nowMs,
    account,
    user,
  );
  return database
    .all(`SELECT * FROM parts WHERE account = ? AND user = ? AND state = 'held' ORDER BY seq`, account, user)
    .map(viewOf);
}

/** Queues a user's held parts again, merged; those held by `throttle` keep their clock. Returns whether there were any. */
export function release(database: Database, intake: Intake, user: string): boolean {
  const { account, nowMs } = intake;
  const held = database.all(
    `SELECT seq, text, created_at, origin, run_id, message FROM parts
       WHERE account = ? AND user = ? AND state = 'held' AND reason <> 'throttle' ORDER BY seq`,
    account,
    user,
  );
  const first = held[0];
  if (!first) return false;
  const texts: HeldText[] = held.map((row) => ({
    text: textOf(row),
    createdAtMs: row.created_at as number,
    origin: row.origin as PartOrigin,
  }));
  const merged = intake.merge(texts);
  // Parts written after the held ones stay behind them: the rows of the held ones are used again in order.
  for (const [index, row] of held.entries()) {
    const text = index === held.length - 1 ? undefined : merged[index];
    const last = index === held.length - 1 ? merged.slice(index) : [];
    const texts = text === undefined ? last : [text];
    if (texts.length === 0) {
      database.run(
        "UPDATE parts SET state = 'merged', merged_into = ?, finished_at = ? WHERE seq = ?",
        held[Math.min(merged.length, held.length) - 1]?.seq as number,
        nowMs,
        row.seq as number,
      );
      continue;
    }
    database.run(
      `UPDATE parts SET state = 'queued', reason = NULL, held_at = NULL, client_id = ?, text = ?,
         not_before = 0, tries = 0, repeats = 0 WHERE seq = ?`,
      newClientId(),
      Buffer.from(texts[0] ?? '', 'utf8'),
      row.seq as number,
    );
    appendParts(database, {
      account,
      user,
      message: row.message as string | null,
      nowMs,
      parts: texts.slice(1).map((rest) => ({
        clientId: newClientId(),
        origin: row.origin as PartOrigin,
        runId: row.run_id as string | null,
        text: rest,
      })),
    });
  }
  return true;
}

/** Users of an account with parts that may be deliverable, by age of their oldest. */
export function usersToDeliver(database: Database, account: string): string[] {
  return database
    .all(
      `SELECT user, min(seq) AS head FROM parts WHERE account = ? AND ${OPEN} GROUP BY user ORDER BY head`,
      account,
    )
    .map((row) => row.user as string);
}

/** A part by its number. */
export function partView(database: Database, seq: number): PartView | undefined {
  const row = database.one('SELECT * FROM parts WHERE seq = ?', seq);
  return row && viewOf(row);
}

/** All parts of an account that are not final, oldest first. */
export function openParts(database: Database, account: string): PartView[] {
  return database.all(`SELECT * FROM parts WHERE account = ? AND ${OPEN} ORDER BY seq`, account).map(viewOf);
}

/** A row of `parts` as lists and logs show it. */
export function viewOf(row: Row): PartView {
  return {
    seq: row.seq as number,
    account: row.account as string,
    user: row.user as string,
    clientId: row.client_id as string,
    message: row.message as string | null,
    origin: row.origin as PartOrigin,
    kind: row.kind as 'text' | 'file',
    text: textOf(row),
    state: row.state as PartState,
    reason: row.reason as string | null,
    serverId: row.server_id as string | null,
    createdAtMs: row.created_at as number,
    heldAtMs: row.held_at as number | null,
  };
}

function textOf(row: Row): string {
  return Buffer.from(row.text as Buffer).toString('utf8');
}
