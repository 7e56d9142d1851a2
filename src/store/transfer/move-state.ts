import { WxError } from '../../core/errors.ts';
import { all, type Dialect, one, run, type Step } from '../../sql/statement.ts';
import { MOVED_TABLES, SERVING_TABLES } from './moved-tables.ts';

/**
 * Where the content of a store is. `here`: it can be served; without a note, too. `leaving`: it is being copied, and
 * `arriving`: to here. `left`: it is served elsewhere now, and what is here is an old copy.
 */
type State = 'here' | 'leaving' | 'left' | 'arriving';

/** The note of a store. */
export interface MoveNote {
  /** Names the content, wherever it goes: it was given at the first move. */
  store: string;
  state: State;
  /** The other place, for people. */
  other: string;
  /** Which process moves it, and which of its tries; see `move`. */
  mover: string;
}

/** What databases say to whoever still writes. */
const REFUSAL = 'this store is being moved to another place, or has moved there';

/** How a backup is named where another store would be. */
export const asBackup = (path: string): string => `backup ${path}`;
const BACKUP = /^backup (.+)$/s;

/** The note; null: the store was never moved. */
export function* moveNote(): Step<MoveNote | null> {
  const row = yield* one('SELECT store, state, other, mover FROM moves');
  if (!row) return null;
  const { store, state, other, mover } = row;
  return { store: store as string, state: state as State, other: other as string, mover: mover as string };
}

/** Replaces the note. */
export function* setMoveNote({ store, state, other, mover }: MoveNote): Step<void> {
  yield* run('DELETE FROM moves');
  yield* run(
    'INSERT INTO moves (store, state, other, mover) VALUES (?, ?, ?, ?)',
    ...[store, state, other, mover],
  );
}

/** Throws WxError `config` for a store that is not to be used, because its content is elsewhere, or on its way. */
export function* checkIsHere(name: string): Step<void> {
  const noted = yield* moveNote();
  if (noted && noted.state !== 'here') throw elsewhere(name, noted);
}

/** Throws WxError `config` for an old copy of what is served elsewhere now. */
export function* checkHasNotLeft(name: string): Step<void> {
  const noted = yield* moveNote();
  if (noted?.state === 'left') throw elsewhere(name, noted);
}

/** The error for a store that is not to be used. */
export function elsewhere(name: string, { state, other }: MoveNote): WxError {
  const move = (from: string, to: string): string => `wxagent store migrate --from ${from} --to ${to}`;
  if (state === 'left') {
    return new WxError('config', `the store ${name} has moved to ${other}: it is served there`, {
      hint: `${move(other, name)} brings it back`,
    });
  }
  const backup = BACKUP.exec(other)?.[1];
  if (state === 'arriving' && backup !== undefined) {
    return new WxError('config', `the store ${name} is not whole: its restore from ${backup} has not ended`, {
      hint: `wxagent restore ${backup}`,
    });
  }
  if (state === 'arriving') {
    return new WxError('config', `the store ${name} is not whole: its move from ${other} has not ended`, {
      hint: move(other, name),
    });
  }
  return new WxError('config', `the store ${name} is being moved to ${other}`, {
    hint: `${move(name, other)} goes on; with --cancel it stays here`,
  });
}

/** The tables whose writers a database refuses: all of them, or those by which a process begins to serve. */
export type Closed = 'all' | 'serving';

function tablesOf(closed: Closed, dialect: Dialect): string[] {
  const others = dialect === 'postgres' ? ['credentials', 'blobs', 'blob_chunks'] : [];
  const content = closed === 'all' ? [...MOVED_TABLES.map(({ name }) => name), ...others] : [];
  return [...content, ...SERVING_TABLES[dialect]];
}

/**
 * Makes the database itself refuse writes: also those of processes that have opened the store before, and of other versions.
 * Whoever writes at this moment is waited for.
 */
export function* closeWrites(closed: Closed, dialect: Dialect): Step<void> {
  yield* openWrites(dialect);
  if (dialect === 'postgres') {
    yield* run(
      `CREATE FUNCTION refuse_writes() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN RAISE EXCEPTION ''${REFUSAL}'' USING ERRCODE = ''55000''; END'`,
    );
  }
  for (const table of tablesOf(closed, dialect)) {
    if (dialect === 'postgres') {
      yield* run(
        `CREATE TRIGGER moved BEFORE UPDATE OR DELETE OR INSERT ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_writes()`,
      );
      continue;
    }
    for (const what of ['INSERT', 'UPDATE', 'DELETE']) {
      yield* run(
        `CREATE TRIGGER moved_${table}_${what} BEFORE ${what} ON ${table} BEGIN SELECT RAISE(ABORT, '${REFUSAL}'); END`,
      );
    }
  }
}

/** Lets everybody write again. */
export function* openWrites(dialect: Dialect): Step<void> {
  if (dialect === 'postgres') {
    yield* run('DROP FUNCTION IF EXISTS refuse_writes() CASCADE');
    return;
  }
  const found = yield* all("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'moved%'");
  for (const { name } of found) yield* run(`DROP TRIGGER ${name}`);
}
