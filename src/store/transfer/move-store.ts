import { createHash } from 'node:crypto';
import { WxError } from '../../core/errors.ts';
import { newUuid } from '../../core/ids.ts';
import { claimantId, livesForCertain, thisProcess } from '../../home/claimant.ts';
import type { Account, AccountList } from '../../home/config-file.ts';
import type { Logins } from '../../home/credentials.ts';
import { type Dialect, one, type Row, type SqlValue, type Step } from '../../sql/statement.ts';
import { NO_ACCOUNT, type StepRunner } from '../../sql/step-runner.ts';
import { type NeededFile, neededPartFiles } from '../outbox/parts.ts';
import { copyFiles, type MovableFiles, sumOfFiles, withPath } from './copy-files.ts';
import {
  clearTable,
  createPageSize,
  createSum,
  insertRows,
  lastNumber,
  numberFrom,
  type Page,
  pageAfter,
  unusable,
} from './copy-rows.ts';
import { closeWrites, elsewhere, type MoveNote, moveNote, openWrites, setMoveNote } from './move-state.ts';
import { MOVED_TABLES, type MovedTable, PASSING_TABLES, type TableSum } from './moved-tables.ts';

/** A store as the source of a move, opened for nothing else. */
export interface MoveSource {
  /** For people: a URL without its password, a folder or a path. */
  name: string;
  dialect: Dialect;
  steps: StepRunner;
  logins: Pick<Logins, 'list'>;
  files: MovableFiles;
  /** Where its logins are: two stores of one home have the same. */
  loginsAt: string;
  /** Who serves accounts there, or delivers, as a sentence; null: nobody. */
  served(): Step<string | null>;
}

/** A store that can be moved to as well. */
export interface Movable extends MoveSource {
  logins: Logins;
}

/** What was compared: a table, or the logins. */
export interface Moved extends TableSum {
  table: string;
}

/** How a move is told of, and stopped. */
interface MoveOptions {
  signal: AbortSignal;
  /** A table is the same on both sides; the logins come last, before the target can be used. */
  onMoved(moved: Moved): void | Promise<void>;
}

/** What a login is, in the order in which it is summed up. */
const LOGIN = [
  'key',
  'id',
  'formerIds',
  'name',
  'owner',
  'token',
  'baseUrl',
  'namedUrl',
  'cdnUrl',
  'loggedInAt',
] as const satisfies (keyof Account)[];

/**
 * Moves the content of a store. Both sides refuse to be served meanwhile. What is at the target from a try before stays if it
 * is the same as in the source. The source is marked as left when all is the same on both sides, and only then the target
 * as usable: so never both. When this rejects before, the source is as it was. Throws WxError.
 */
export async function move(from: MoveSource, to: Movable, { signal, onMoved }: MoveOptions): Promise<void> {
  const mover = `${claimantId(thisProcess())} ${newUuid()}`;
  const hasSameLogins = from.loginsAt === to.loginsAt;
  const logins = await from.logins.list();
  // Without a key nothing begins.
  if (!hasSameLogins && logins.accounts.length > 0) await to.logins.prepare();
  const { store, isLeft } = await leave(from, to, mover);
  try {
    await arrive(from, to, { store, mover, isLeft, hasLogins: !hasSameLogins && (await hasLogins(to)) });
    const stop = (): void => check(signal);
    if (!isLeft) {
      // A part is copied when its file is there.
      await as(to, mover, nothing);
      await copyFiles(await filesOf(from), from.files, to.files, stop);
      for (const table of MOVED_TABLES) await copy(table, from, to, { mover, signal });
      if (!hasSameLogins) {
        const list = await from.logins.list();
        await as(to, mover, nothing);
        await to.logins.replace(list);
      }
    }
    for (const table of MOVED_TABLES) {
      await onMoved({
        table: table.name,
        ...same(table.name, await sumOf(table, from, signal), await sumOf(table, to, signal)),
      });
    }
    const [here, there] = [await filesOf(from), await filesOf(to)];
    const files = same(
      'files',
      await sumOfFiles(here, from.files, stop),
      await sumOfFiles(there, to.files, stop),
    );
    await onMoved({ table: 'files', ...files });
    await onMoved({
      table: 'logins',
      ...same('logins', sumOfLogins(await from.logins.list()), sumOfLogins(await to.logins.list())),
    });
    await to.steps.flush();
  } catch (error) {
    if (!isLeft) await stay(from, mover);
    throw error;
  }
  const left: MoveNote = { store, state: 'left', other: to.name, mover };
  if (!isLeft) await as(from, mover, () => setMoveNote(left));
  await from.steps.flush();
  await as(to, mover, function* () {
    yield* openWrites(to.dialect);
    yield* setMoveNote({ store, state: 'here', other: '', mover: '' });
  });
  await to.steps.flush();
}

/** Gives a move up that was killed: the source can be served again. Throws WxError `config` when it has left, or none was begun. */
export async function cancelMove(from: MoveSource): Promise<void> {
  await from.steps.run(NO_ACCOUNT, function* () {
    const noted = yield* moveNote();
    if (noted?.state === 'left' || noted?.state === 'arriving') throw elsewhere(from.name, noted);
    if (noted?.state !== 'leaving') {
      throw new WxError('config', `the store ${from.name} is not being moved`, { hint: 'wxagent status' });
    }
    checkMover(noted, null);
    yield* openWrites(from.dialect);
    yield* setMoveNote({ ...noted, state: 'here', other: '', mover: '' });
  });
  await from.steps.flush();
}

function filesOf({ steps }: MoveSource): Promise<NeededFile[]> {
  return steps.read(neededPartFiles);
}

/** Closes the source. `isLeft`: an earlier try has copied everything, and was killed when it had marked the source. */
async function leave(
  from: MoveSource,
  to: MoveSource,
  mover: string,
): Promise<{ store: string; isLeft: boolean }> {
  const there = await to.steps.read(() => moveNote());
  return from.steps.run(NO_ACCOUNT, function* () {
    const noted = yield* moveNote();
    if (noted?.state === 'left' && there?.state === 'arriving' && there.store === noted.store)
      return { store: noted.store, isLeft: true };
    if (noted?.state === 'left' || noted?.state === 'arriving') throw elsewhere(from.name, noted);
    if (noted) checkMover(noted, null);
    const store = noted?.store ?? newUuid();
    yield* closeWrites('all', from.dialect);
    yield* checkUnserved(from);
    yield* setMoveNote({ store, state: 'leaving', other: to.name, mover });
    return { store, isLeft: false };
  });
}

/** Lets the source be used again, if this process still moves it. */
async function stay(from: MoveSource, mover: string): Promise<void> {
  await as(from, mover, function* () {
    const noted = yield* moveNote();
    yield* openWrites(from.dialect);
    if (noted) yield* setMoveNote({ ...noted, state: 'here', other: '', mover: '' });
  }).catch(() => {
    // Another process has taken the move over; or the store itself fails, which the first error mostly says.
  });
}

/** Takes the target for this move, if it is empty, or has nothing but what came from the same store. */
async function arrive(
  from: MoveSource,
  to: MoveSource,
  how: { store: string; mover: string; isLeft: boolean; hasLogins: boolean },
): Promise<void> {
  const { store, mover } = how;
  await to.steps.run(NO_ACCOUNT, function* () {
    const noted = yield* moveNote();
    if (noted?.mover === mover && noted.state === 'leaving')
      throw new WxError('usage', `${from.name} and ${to.name} are the same store`);
    if (noted?.state === 'leaving') throw elsewhere(to.name, noted);
    if (noted) checkMover(noted, mover);
    const isOurs = noted?.store === store && noted.state !== 'here';
    if (!isOurs) {
      const found = how.hasLogins ? 'logins' : yield* anythingIn();
      if (noted?.state === 'left' || noted?.state === 'arriving') throw elsewhere(to.name, noted);
      if (found) {
        throw new WxError('config', `${to.name} is not empty: it has ${found} of another store`, {
          hint: 'name an empty place: another home, or another ?schema=',
        });
      }
    }
    if (noted?.state !== 'arriving') {
      yield* closeWrites('serving', to.dialect);
      for (const table of MOVED_TABLES) yield* clearTable(table);
    }
    yield* checkUnserved(to);
    yield* setMoveNote({ store, state: 'arriving', other: from.name, mover });
  });
}

/** The first table that has anything to lose; null: none has. */
function* anythingIn(): Step<string | null> {
  for (const { name } of MOVED_TABLES) {
    if (PASSING_TABLES.includes(name)) continue;
    if (yield* one(`SELECT 1 AS found FROM ${name} LIMIT 1`)) return name;
  }
  return null;
}

async function hasLogins({ logins }: MoveSource): Promise<boolean> {
  return (await logins.list()).accounts.length > 0;
}

/** Throws WxError `busy` while a process serves accounts of a store, or delivers. */
function* checkUnserved(store: MoveSource): Step<void> {
  const who = yield* store.served();
  if (who !== null) {
    throw new WxError('busy', `the store ${store.name} is in use: ${who}`, {
      hint: 'stop it, then try again; after a crash, in a minute',
    });
  }
}

/** Throws WxError `busy` when another process moves a store, and certainly lives. */
function checkMover({ mover }: MoveNote, mine: string | null): void {
  const [claimant = ''] = mover.split(' ', 1);
  if (mover === '' || mover === mine || claimant === claimantId(thisProcess()) || !livesForCertain(claimant))
    return;
  const [host, pid] = claimant.split('/');
  throw new WxError('busy', `process ${pid} on ${host} moves this store now`, {
    hint: 'wait until it has ended',
  });
}

/** Runs a step of this move, unless another process has taken the move over. */
function as<T>({ name, steps }: MoveSource, mover: string, step: () => Step<T>): Promise<T> {
  return steps.run(NO_ACCOUNT, function* () {
    const noted = yield* moveNote();
    if (noted?.mover === mover) return yield* step();
    throw new WxError('busy', `another process moves the store ${name} now`, {
      hint: 'wait until it has ended',
    });
  });
}

/** Copies a table, from where an earlier try has come to if what it has copied is the same. */
async function copy(
  table: MovedTable,
  from: MoveSource,
  to: MoveSource,
  { mover, signal }: { mover: string; signal: AbortSignal },
): Promise<void> {
  let last = await lastCopied(table, from, to, signal);
  if (last === null) await as(to, mover, () => clearTable(table));
  const size = createPageSize();
  async function putRows(rows: readonly Row[]): Promise<void> {
    try {
      const placed = table.name === 'parts' ? rows.map((row) => withPath(row, to.files.pathOf)) : rows;
      await as(to, mover, () => insertRows(table, placed));
    } catch (error) {
      // A rule of the target's table that these rows break, or a text that its encoding does not have.
      throw error instanceof WxError && error.kind === 'internal'
        ? unusable(table, error.message, error)
        : error;
    }
  }
  for (;;) {
    check(signal);
    const page: Page = await from.steps.read(() => pageAfter(table, last, size.rows));
    if (page.rows.length === 0) break;
    await putRows(page.rows);
    size.learn(page.rows);
    last = page.last;
  }
  if (!table.isNumbered) return;
  const highest = await from.steps.read(() => lastNumber(table));
  await as(to, mover, () => numberFrom(table, highest, to.dialect));
}

function* nothing(): Step<void> {}

/** The key of the last row at the target, if all that is there is the beginning of what the source has. */
async function lastCopied(
  table: MovedTable,
  from: MoveSource,
  to: MoveSource,
  signal: AbortSignal,
): Promise<SqlValue[] | null> {
  const size = createPageSize();
  let last: SqlValue[] | null = null;
  for (;;) {
    check(signal);
    const there: Page = await to.steps.read(() => pageAfter(table, last, size.rows));
    if (there.rows.length === 0) return last;
    const here = await from.steps.read(() => pageAfter(table, last, there.rows.length));
    if (sumOfRows(table, here.rows).digest !== sumOfRows(table, there.rows).digest) return null;
    size.learn(there.rows);
    last = there.last;
  }
}

async function sumOf(table: MovedTable, { steps }: MoveSource, signal: AbortSignal): Promise<TableSum> {
  const sum = createSum(table);
  const size = createPageSize();
  for (let last: SqlValue[] | null = null; ; ) {
    check(signal);
    const page: Page = await steps.read(() => pageAfter(table, last, size.rows));
    if (page.rows.length === 0) return sum.end();
    sum.add(page.rows);
    size.learn(page.rows);
    last = page.last;
  }
}

function sumOfRows(table: MovedTable, rows: readonly Row[]): TableSum {
  const sum = createSum(table);
  sum.add(rows);
  return sum.end();
}

function sumOfLogins({ accounts, defaultAccount }: AccountList): TableSum {
  const rows = accounts.map((account) => [
    ...LOGIN.map((name) => account[name]),
    account.key === defaultAccount,
  ]);
  return { rows: rows.length, digest: createHash('sha256').update(JSON.stringify(rows)).digest('hex') };
}

/** The sum of both sides. Throws WxError `storage` when they differ. */
function same(table: string, from: TableSum, to: TableSum): TableSum {
  if (from.rows === to.rows && from.digest === to.digest) return to;
  const how = from.rows === to.rows ? 'their digests differ' : `${from.rows} rows became ${to.rows}`;
  throw new WxError('storage', `${table} is not the same at the target: ${how}`, {
    hint: 'run the same command again: it copies that table anew',
  });
}

function check(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new WxError('cancelled', 'the move was stopped: the store stays where it was', {
    hint: 'run the same command again to go on',
  });
}
