import { WxError } from '../../core/errors.ts';
import type { Database, Row } from '../../sqlite/database.ts';
import type { NewPart, PartFile, PartOrigin, PartState, PartView, Verdict } from '../port/port.ts';
import { budgetLeft } from './budget.ts';
import { type Claimant, isBeingSent } from './lease.ts';
import { CAN_RETURN, GIVEN_UP, HELD, OPEN } from './part-states.ts';

/** The columns of {@link viewOf}: half of a row's, because each column that is read costs time. */
export const VIEW = `seq, account, user, client_id, message, origin, text, file, state, reason, server_id, created_at,
  held_at, merged_into`;

const AHEAD = `SELECT reason FROM parts WHERE account = ? AND user = ? AND ${HELD} LIMIT 1`;

/** Where new parts are queued, and the options of `send`. */
export interface NewPartOptions {
  account: string;
  user: string;
  message: string | null;
  nowMs: number;
  id?: string | null;
  key?: string | null;
  expiresAtMs?: number | null;
}

/**
 * Appends parts to a user's outbox. Behind a held part they are held too: the outbox is one queue, in which no part
 * overtakes another (design 3). Returns their numbers, and whether they are held.
 */
export function appendParts(
  database: Database,
  options: NewPartOptions,
  parts: readonly NewPart[],
): { seqs: number[]; isHeld: boolean } {
  if (parts.length === 0) return { seqs: [], isHeld: false };
  const ahead = database.one(AHEAD, options.account, options.user);
  const state: NewState = ahead
    ? { state: 'held', reason: ahead.reason as string | null }
    : { state: 'queued' };
  return {
    seqs: parts.map((part) => insertPart(database, options, part, state)),
    isHeld: ahead !== undefined,
  };
}

/** The state of a new part; `sending` with the body of its request and the user's newest message at that time. */
export type NewState =
  | { state: 'queued' }
  | { state: 'held'; reason: string | null }
  | { state: 'sending'; body: Buffer; seenSeq: number };

/** Stores one part at the end of a user's outbox. Returns its number. */
export function insertPart(
  database: Database,
  options: NewPartOptions,
  part: NewPart,
  initial: NewState,
): number {
  return database.run(
    `INSERT INTO parts (account, user, client_id, message, origin, run_id, text, file, state, reason,
       send_id, send_key, expires_at, created_at, held_at, body, seen_seq)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    options.account,
    options.user,
    part.clientId,
    options.message,
    part.origin,
    part.runId,
    Buffer.from(part.text, 'utf8'),
    part.file && Buffer.from(JSON.stringify(part.file), 'utf8'),
    initial.state,
    initial.state === 'held' ? initial.reason : null,
    options.id ?? null,
    options.key ?? null,
    options.expiresAtMs ?? null,
    options.nowMs,
    initial.state === 'held' ? options.nowMs : null,
    initial.state === 'sending' ? initial.body : null,
    initial.state === 'sending' ? initial.seenSeq : null,
  ).rowid;
}

/** Users of an account who have open parts, ordered by their oldest part. */
export function usersToDeliver(database: Database, account: string): string[] {
  return database
    .all(
      `SELECT user, min(seq) AS head FROM parts WHERE account = ? AND ${OPEN} GROUP BY user ORDER BY head`,
      account,
    )
    .map((row) => row.user as string);
}

/** A part by its number. */
function partView(database: Database, seq: number): PartView | undefined {
  const row = database.one(`SELECT ${VIEW} FROM parts WHERE seq = ?`, seq);
  return row && viewOf(row);
}

/** The parts with these numbers. */
export function partsOf(database: Database, seqs: readonly number[]): PartView[] {
  return seqs.map((seq) => partView(database, seq)).filter((view) => view !== undefined);
}

/** All parts of an account that are not final, oldest first. */
export function openParts(database: Database, account: string): PartView[] {
  return database
    .all(`SELECT ${VIEW} FROM parts WHERE account = ? AND ${OPEN} ORDER BY seq`, account)
    .map(viewOf);
}

/** Parts that were queued under the same `--id`, oldest first. */
export function partsOfSendId(database: Database, account: string, id: string): PartView[] {
  return database
    .all(`SELECT ${VIEW} FROM parts WHERE account = ? AND send_id = ? ORDER BY seq`, account, id)
    .map(viewOf);
}

/** Drops parts with this reason: see {@link GIVEN_UP}. Final parts stay as they are. */
export function dropParts(
  database: Database,
  input: { account: string; seqs: readonly number[]; reason: string; exceptSending?: boolean; nowMs: number },
  claimant: Claimant,
): PartView[] {
  return input.seqs.flatMap((seq) => {
    const isKept = input.exceptSending && isBeingSent(database, { ...input, seq }, claimant);
    const view = isKept ? partView(database, seq) : drop(seq);
    return view?.account === input.account ? [view] : [];
  });

  function drop(seq: number): PartView | undefined {
    database.run(
      `UPDATE parts SET state = ${GIVEN_UP},
         reason = ?, body = NULL, finished_at = ? WHERE seq = ? AND account = ? AND ${OPEN}`,
      input.reason,
      input.nowMs,
      seq,
      input.account,
    );
    return partView(database, seq);
  }
}

/** Drops the user's queued and held parts with this `--key`: a newer text replaces them. */
export function replaceKey(
  database: Database,
  input: { account: string; user: string; key: string; nowMs: number },
  claimant: Claimant,
): void {
  const replaced = database.all(
    `SELECT seq FROM parts WHERE account = ? AND user = ? AND ${OPEN} AND send_key = ? AND state IN ('queued', 'held')`,
    input.account,
    input.user,
    input.key,
  );
  const seqs = replaced.map((row) => row.seq as number);
  dropParts(database, { ...input, seqs, reason: 'replaced' }, claimant);
}

/** Which of these files are not needed: by no open part, and by none that `retry --expired` would queue again. */
export function unneededFiles(database: Database, paths: readonly string[]): string[] {
  const needed = new Set(
    database
      .all(
        `SELECT file FROM parts WHERE file IS NOT NULL AND (${OPEN} OR (state = 'expired' AND ${CAN_RETURN}))`,
      )
      .map((row) => fileOf(row)?.path),
  );
  return paths.filter((path) => !needed.has(path));
}

/** A row of `parts` as lists and logs show it. */
export function viewOf(row: Row): PartView {
  const file = fileOf(row);
  return {
    seq: row.seq as number,
    account: row.account as string,
    user: row.user as string,
    clientId: row.client_id as string,
    message: row.message as string | null,
    origin: row.origin as PartOrigin,
    kind: file?.kind ?? 'text',
    text: textOf(row),
    file,
    state: row.state as PartState,
    reason: row.reason as string | null,
    serverId: row.server_id as string | null,
    createdAtMs: row.created_at as number,
    heldAtMs: row.held_at as number | null,
    mergedInto: row.merged_into as number | null,
  };
}

/** The view of a text that was just stored as `sending`, without reading it. */
export function newView(seq: number, options: NewPartOptions, part: NewPart): PartView {
  const { account, user, message, nowMs } = options;
  const { clientId, origin, text, file } = part;
  return {
    ...{ seq, account, user, clientId, message, origin, kind: 'text', text, file },
    ...{
      state: 'sending',
      reason: null,
      serverId: null,
      createdAtMs: nowMs,
      heldAtMs: null,
      mergedInto: null,
    },
  };
}

/** The verdict on a part in its present state; `held` are the parts of its user that were put on hold with it. */
export function verdictOf(
  database: Database,
  seq: number,
  waitMs: number | null,
  held: PartView[] = [],
): Verdict {
  const part = partView(database, seq);
  if (!part) throw new WxError('internal', `there is no part ${seq}`);
  const user = database.one('SELECT sent FROM users WHERE account = ? AND user = ?', part.account, part.user);
  return {
    part,
    waitMs,
    held: held.filter((other) => other.seq !== seq),
    budgetLeft: budgetLeft(user),
    next: null,
  };
}

/** The text of a row. */
export function textOf(row: Row): string {
  return (row.text as Buffer).toString('utf8');
}

/** The file of a row; null for a text. */
export function fileOf(row: Row): PartFile | null {
  if (row.file === null) return null;
  const stored: Partial<PartFile> & Pick<PartFile, 'path' | 'name'> = JSON.parse(
    (row.file as Buffer).toString('utf8'),
  );
  return { kind: 'file', sizeBytes: null, md5: null, ...stored };
}
