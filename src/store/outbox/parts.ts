import { WxError } from '../../core/errors.ts';
import { RETURNING_SEQ, sql, unindexed } from '../../sql/dialect.ts';
import {
  all,
  insert,
  one,
  type Row,
  run,
  type SqlValue,
  type Statement,
  type Step,
  together,
} from '../../sql/statement.ts';
import { noteAct } from '../access/audit.ts';
import {
  type NewPart,
  OPEN_PART_STATES,
  type Outbox,
  type PartFile,
  type PartOrigin,
  type PartState,
  type PartView,
  type Verdict,
} from '../port/port.ts';
import { storeContents } from './blob-rows.ts';
import { budgetLeft } from './budget.ts';
import { type QueuedOrHeld, queuedOrHeld } from './hold-policy.ts';
import { CAN_RETURN, DELAYED, GIVEN_UP, HELD, OPEN, SINCE } from './part-states.ts';
import { type Claimant, isBeingSent } from './user-lease.ts';

/** The columns of {@link viewOf}: half of a row's, because each column that is read costs time. */
export const VIEW = `seq, account, "user", client_id, message, origin, text, file, state, reason, server_id, created_at,
  held_at, expires_at, merged_into`;

/** Where new parts are queued, and the options of `send`. */
export interface NewPartOptions {
  account: string;
  user: string;
  message: string | null;
  nowMs: number;
  id?: string | null;
  key?: string | null;
  expiresAtMs?: number | null;
  source?: string;
  isImportant?: boolean;
  /** Since when what it replaces has waited. */
  waitsSinceMs?: number | null;
}

/** Appends parts, held behind held ones: in an outbox no part overtakes another. Returns numbers, and whether held. */
export function* appendParts(
  options: NewPartOptions,
  parts: readonly NewPart[],
): Step<{ seqs: number[]; isHeld: boolean }> {
  if (parts.length === 0) return { seqs: [], isHeld: false };
  const state = yield* queuedOrHeld(options);
  yield* storeContents(
    options.account,
    parts.map(({ file }) => file),
  );
  const seqs = yield* together(...parts.map((part) => insertPart(options, part, state)));
  return { seqs, isHeld: state.state === 'held' };
}

/** The state of a new part; `sending` with the body of its request and the user's newest message at that time. */
export type NewState =
  | QueuedOrHeld
  | { state: 'delayed'; reason: string | null; dueMs: number }
  | { state: 'sending'; body: Buffer; seenSeq: number };

const COLUMNS = `account, "user", client_id, message, origin, run_id, text, file, state, reason, send_id, send_key, expires_at,
  created_at, held_at, body, seen_seq, source, not_before, important,
  waits_since`;
const VALUES = '?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?';
const INSERT = sql`INSERT INTO parts (${COLUMNS}) VALUES (${VALUES}) ${RETURNING_SEQ}`;
const INSERT_AS = `INSERT INTO parts (${COLUMNS}, seq) VALUES (${VALUES}, ?)`;

/** Stores one part at the end of a user's outbox; the result is its number. */
export function insertPart(options: NewPartOptions, part: NewPart, initial: NewState): Statement<number> {
  return insert(INSERT, ...valuesOf(options, part, initial));
}

/** The same of a part whose number is known. */
export function insertPartAs(
  seq: number,
  options: NewPartOptions,
  part: NewPart,
  initial: NewState,
): Statement<number> {
  return run(INSERT_AS, ...valuesOf(options, part, initial), seq);
}

function valuesOf(options: NewPartOptions, part: NewPart, initial: NewState): SqlValue[] {
  const expiresAtMs = part.expiresAtMs ?? options.expiresAtMs ?? null;
  return [
    options.account,
    options.user,
    part.clientId,
    options.message,
    part.origin,
    part.runId,
    Buffer.from(part.text, 'utf8'),
    storedFile(part.file),
    initial.state,
    'reason' in initial ? initial.reason : null,
    options.id ?? null,
    options.key ?? null,
    expiresAtMs,
    options.nowMs,
    initial.state === 'held' ? options.nowMs : null,
    initial.state === 'sending' ? initial.body : null,
    initial.state === 'sending' ? initial.seenSeq : null,
    options.source ?? null,
    initial.state === 'delayed' ? Math.min(initial.dueMs, expiresAtMs ?? initial.dueMs) : 0,
    options.isImportant ? 1 : 0,
    options.waitsSinceMs ?? null,
  ];
}

/** Users of an account who have open parts, ordered by their oldest part. */
export function* usersToDeliver(account: string): Step<string[]> {
  return (yield* all(
    `SELECT "user", min(seq) AS head FROM parts WHERE account = ? AND ${OPEN} GROUP BY "user" ORDER BY head`,
    account,
  )).map((row) => row.user as string);
}

const PART = `SELECT ${VIEW} FROM parts WHERE seq = ?`;

function* partView(seq: number): Step<PartView | undefined> {
  const row = yield* one(PART, seq);
  return row && viewOf(row);
}

export function* partsOf(seqs: readonly number[]): Step<PartView[]> {
  if (seqs.length === 0) return [];
  const rows = yield* together(...seqs.map((seq) => one(PART, seq)));
  return rows.filter((row) => row !== undefined).map(viewOf);
}

/** All parts of an account that are not final, oldest first. */
export function* openParts(account: string): Step<PartView[]> {
  const [queued, waiting] = yield* together(
    all(`SELECT ${VIEW} FROM parts WHERE account = ? AND ${OPEN} ORDER BY seq`, account),
    all(`SELECT ${VIEW} FROM parts WHERE account = ? AND ${DELAYED} ORDER BY seq`, account),
  );
  return [...(queued ?? []), ...(waiting ?? [])].map(viewOf);
}

/** Parts that were queued under the same `--id`, oldest first. */
export function* partsOfSendId(account: string, id: string): Step<PartView[]> {
  return (yield* all(
    `SELECT ${VIEW} FROM parts WHERE account = ? AND send_id = ? ORDER BY seq`,
    account,
    id,
  )).map(viewOf);
}

const DROP = `UPDATE parts SET state = ${GIVEN_UP}, reason = ?, body = NULL, finished_at = ?
  WHERE seq = ? AND account = ? AND (${OPEN} OR ${DELAYED})`;

/** Drops parts with this reason: see {@link GIVEN_UP}. Final parts stay as they are. */
export function* dropParts(input: Parameters<Outbox['dropParts']>[0], claimant: Claimant): Step<PartView[]> {
  const { by } = input;
  const views: PartView[] = [];
  for (const seq of input.seqs) {
    const isKept = input.exceptSending && (yield* isBeingSent({ ...input, seq }, claimant));
    const dropped = isKept ? 0 : yield* run(DROP, input.reason, input.nowMs, seq, input.account);
    if (dropped > 0 && by !== undefined) yield* noteAct({ ...input, by, act: 'drop', about: String(seq) });
    const view = yield* partView(seq);
    if (view?.account === input.account) views.push(view);
  }
  return views;
}

/** Drops the user's queued and held parts with this `--key`: a newer text replaces them. Since when they have waited; null: none. */
export function* replaceKey(
  input: { account: string; user: string; key: string; nowMs: number },
  claimant: Claimant,
): Step<number | null> {
  const replaced = yield* all(
    `SELECT seq, ${SINCE} AS since, fallback_until FROM parts WHERE account = ? AND "user" = ? AND send_key = ? AND finished_at IS NULL
       AND state IN ('queued', 'held', 'delayed') ORDER BY seq`,
    ...[input.account, input.user, input.key],
  );
  const seqs = replaced.map((row) => row.seq as number);
  yield* dropParts({ ...input, seqs, reason: 'replaced' }, claimant);
  const since = replaced.map((row) => Math.max(row.since as number, Number(row.fallback_until)));
  return since.length === 0 ? null : Math.min(...since);
}

/** Which of these files are not needed: by no open part, and by none that `retry --expired` would queue again. */
export function* unneededFiles(paths: readonly string[]): Step<string[]> {
  const needed = yield* neededFiles(null);
  return paths.filter((path) => !needed.has(path));
}

const NEEDED = `SELECT account, file FROM parts WHERE file IS NOT NULL
  AND (${OPEN} OR ${DELAYED} OR (state = 'expired' AND ${CAN_RETURN}) OR (state = 'fallback' AND finished_at IS NULL))`;

// One pass over all rows takes less time than a look at each row that an index of an account names.
const NEEDED_OF = sql`${NEEDED} AND ${unindexed('account')} = ?`;

export interface NeededFile extends Pick<PartFile, 'path' | 'sizeBytes'> {
  account: string;
}

/** The files that parts of all accounts need, each once. */
export function* neededPartFiles(): Step<NeededFile[]> {
  const found = new Map<string, NeededFile>();
  for (const row of yield* all(NEEDED)) {
    const file = fileOf(row);
    if (file)
      found.set(file.path, { account: row.account as string, path: file.path, sizeBytes: file.sizeBytes });
  }
  return [...found.values()];
}

/** The files that open parts need, and those that `retry --expired` would queue again; null: of all accounts. */
export function* neededFiles(account: string | null): Step<Set<string | undefined>> {
  const rows = account === null ? yield* all(NEEDED) : yield* all(NEEDED_OF, account);
  return new Set(rows.map((row) => fileOf(row)?.path));
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
    expiresAtMs: row.expires_at as number | null,
    mergedInto: row.merged_into as number | null,
  };
}

/** The view of a part that was just stored, and not held, without reading it. */
export function newView(
  seq: number,
  options: NewPartOptions,
  part: NewPart,
  initial: Exclude<NewState, { state: 'held' }>,
): PartView {
  const { account, user, message, nowMs } = options;
  const { clientId, origin, text, file } = part;
  return {
    ...{ seq, account, user, clientId, message, origin, kind: file?.kind ?? 'text', file },
    text: text.toWellFormed(),
    ...{
      state: initial.state,
      reason: 'reason' in initial ? initial.reason : null,
      serverId: null,
      createdAtMs: nowMs,
      heldAtMs: null,
      expiresAtMs: part.expiresAtMs ?? options.expiresAtMs ?? null,
      mergedInto: null,
    },
  };
}

/** The verdict on a part in its present state; `held` are the parts of its user that were put on hold with it. */
export function* verdictOf(seq: number, waitMs: number | null, held: PartView[] = []): Step<Verdict> {
  const part = yield* partView(seq);
  if (!part) throw new WxError('internal', `there is no part ${seq}`);
  const user = yield* one('SELECT sent FROM users WHERE account = ? AND "user" = ?', part.account, part.user);
  return {
    part,
    waitMs,
    held: held.filter((other) => other.seq !== seq),
    budgetLeft: budgetLeft(user),
    renewsPolls: false,
    next: null,
  };
}

export function textOf(row: Row): string {
  return (row.text as Buffer).toString('utf8');
}

export function storedFile(file: PartFile | null): Buffer | null {
  return file && Buffer.from(JSON.stringify({ ...file, content: undefined }), 'utf8');
}

/** The file of a row; null for a text. */
export function fileOf(row: Row): PartFile | null {
  if (row.file === null) return null;
  const stored: Partial<PartFile> & Pick<PartFile, 'path' | 'name'> = JSON.parse(
    (row.file as Buffer).toString('utf8'),
  );
  return { kind: 'file', sizeBytes: null, md5: null, ...stored };
}

/** States whose parts have an index of their own. */
const INDEXED: ReadonlyMap<string, string> = new Map([
  [OPEN_PART_STATES.join(), `(${OPEN} OR ${DELAYED})`],
  ['held', HELD],
  ['expired', "state = 'expired'"],
]);

/** A page of parts, newest first; see `Outbox.partPage`. */
export function* partPage(input: Parameters<Outbox['partPage']>[0]): Step<PartView[]> {
  const { account, user, states, beforeSeq, limit } = input;
  const indexed = states === null ? undefined : INDEXED.get(states.join());
  // Without an index that has the wanted rows in their order, the table has: from the newest on, until there are enough.
  const isInOrder = user === null && indexed === undefined;
  const condition = indexed ?? (states === null ? '1 = 1' : `state IN (${marks(states)})`);
  // Only the numbers are sorted: of very many parts that takes a tenth of the time.
  const rows = yield* all(
    sql`SELECT ${VIEW} FROM parts WHERE seq IN (
        SELECT seq FROM parts WHERE ${isInOrder ? unindexed('account') : 'account'} = ? AND seq < ?
          ${user === null ? '' : 'AND "user" = ?'} AND ${condition} ORDER BY seq DESC LIMIT ?
      ) ORDER BY seq DESC`,
    account,
    beforeSeq ?? Number.MAX_SAFE_INTEGER,
    ...(user === null ? [] : [user]),
    ...(indexed === undefined && states !== null ? states : []),
    limit,
  );
  return rows.map(viewOf);
}

function marks(states: readonly PartState[]): string {
  return states.map(() => '?').join(', ');
}
