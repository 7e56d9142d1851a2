import type { Database, Row } from '../../sqlite/database.ts';
import type { NewPart, PartFile, PartOrigin, PartState, PartView } from '../port/port.ts';
import { type Claimant, isBeingSent } from './lease.ts';

/**
 * Parts that still wait for their verdict or their user, as SQL. SQLite uses the index of the open parts only
 * where a query has these very words: without them it reads every part there ever was. A condition on the state
 * beside it is written `+state =`: what SQLite knows to be constant it puts into the list, which is built then
 * at every run.
 */
export const OPEN = "state IN ('queued', 'uploading', 'sending', 'held')";

/** Parts that wait for their user, as SQL, and in the words of their index. */
export const HELD = "state = 'held'";

/** What has expired in a hold, and not by a wish of its sender, as SQL: `retry --expired` queues it again. */
export const CAN_RETURN = "reason LIKE 'hold-max%'";

/**
 * What becomes of an open part that is given up, as SQL: what is being sent, or was once with a result that stayed
 * unknown, may have arrived, and is not called anything else.
 */
export const GIVEN_UP = "CASE WHEN state = 'sending' OR unsure = 1 THEN 'unconfirmed' ELSE 'expired' END";

/** How many parts back final ones are counted: there is no index of them. */
export const RECENT = 1_000;
/** How long after a message was written it may come in, while polls work or are tried again. */
export const LATE_POLL_MS = 60_000;

/** The columns of {@link viewOf}; a row has twice as many, and reading one costs by the column. */
export const VIEW = `seq, account, user, client_id, message, origin, text, file, state, reason, server_id, created_at,
  held_at, merged_into`;

const AHEAD = `SELECT reason FROM parts WHERE account = ? AND user = ? AND ${HELD} LIMIT 1`;

/** Where new parts go, and what `send` wants of them. */
export interface Placement {
  account: string;
  user: string;
  message: string | null;
  nowMs: number;
  id?: string | null;
  key?: string | null;
  expiresAtMs?: number | null;
}

/**
 * Appends parts to a user's outbox. Behind a held part they are held as well: the outbox is one
 * queue, and nothing overtakes (design 3). Returns their numbers, and whether they are held.
 */
export function appendParts(
  database: Database,
  place: Placement,
  parts: readonly NewPart[],
): { seqs: number[]; isHeld: boolean } {
  if (parts.length === 0) return { seqs: [], isHeld: false };
  const ahead = database.one(AHEAD, place.account, place.user);
  const standing: Standing = ahead
    ? { state: 'held', reason: ahead.reason as string | null }
    : { state: 'queued' };
  return {
    seqs: parts.map((part) => insertPart(database, place, part, standing)),
    isHeld: ahead !== undefined,
  };
}

/** How a new part stands; `sending` with the request that is about to be made, and what of its user that knows. */
export type Standing =
  | { state: 'queued' }
  | { state: 'held'; reason: string | null }
  | { state: 'sending'; body: Buffer; seenSeq: number };

/** Stores one part at the end of a user's outbox. Returns its number. */
export function insertPart(database: Database, place: Placement, part: NewPart, standing: Standing): number {
  return database.run(
    `INSERT INTO parts (account, user, client_id, message, origin, run_id, text, file, state, reason,
       send_id, send_key, expires_at, created_at, held_at, body, seen_seq)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    place.account,
    place.user,
    part.clientId,
    place.message,
    part.origin,
    part.runId,
    Buffer.from(part.text, 'utf8'),
    part.file && Buffer.from(JSON.stringify(part.file), 'utf8'),
    standing.state,
    standing.state === 'held' ? standing.reason : null,
    place.id ?? null,
    place.key ?? null,
    place.expiresAtMs ?? null,
    place.nowMs,
    standing.state === 'held' ? place.nowMs : null,
    standing.state === 'sending' ? standing.body : null,
    standing.state === 'sending' ? standing.seenSeq : null,
  ).rowid;
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

/**
 * Parts that were accepted since a user (his row) wrote, by the time his message names: it may come in later than some
 * of them have gone out, and for the server those count against it all the same. As the clock of the server may be
 * another, it is believed no further than a poll may be late.
 */
export function acceptedSince(database: Database, who: Row): number {
  const row = database.one(
    `SELECT count(*) AS n FROM parts WHERE seq > (SELECT max(seq) FROM parts) - ${RECENT}
       AND account = ? AND user = ? AND state IN ('confirmed', 'unconfirmed')
       AND finished_at > MAX(?, (SELECT received_at FROM inbox WHERE seq = ?) - ${LATE_POLL_MS})`,
    who.account as string,
    who.user as string,
    who.last_message_at as number,
    who.last_message_seq as number,
  );
  return Number(row?.n);
}

/** Drops the parts of a user that wait under a `--key`, for a newer text to take their place. */
export function replaceKey(
  database: Database,
  input: { account: string; user: string; key: string; nowMs: number },
  claimant: Claimant,
): void {
  const waiting = database.all(
    `SELECT seq FROM parts WHERE account = ? AND user = ? AND ${OPEN} AND send_key = ? AND state IN ('queued', 'held')`,
    input.account,
    input.user,
    input.key,
  );
  const seqs = waiting.map((row) => row.seq as number);
  dropParts(database, { ...input, seqs, reason: 'replaced' }, claimant);
}

/** Which of these files nobody needs: no open part, and none that `retry --expired` would bring back. */
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

/** What {@link viewOf} would show of a text that was just stored as `sending`. */
export function newView(seq: number, place: Placement, part: NewPart): PartView {
  const { account, user, message, nowMs } = place;
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
