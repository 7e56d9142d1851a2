import { closeSync, fdatasync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import type LibsqlDatabase from 'libsql';
import { hasCode, WxError } from '../core/errors.ts';
import { loadLibsql } from './libsql.ts';

/** While the first process of many that start at once makes the file, or the last of many ends, the others wait. */
const OPEN_WAIT_MS = 5_000;
const OPEN_PAUSE_MS = 5;
/** What the WAL comes to between two checkpoints (`wal_autocheckpoint`), and is cut to when it was longer. */
const WAL_BYTES = 16 * 1024 * 1024;

const writtenOut = promisify(fdatasync);

/** What may be bound: anything else makes the native layer abort the whole process (design 4). */
export type SqlValue = number | string | Uint8Array | null;

/** One row by column name. */
export type Row = Record<string, SqlValue>;

/** A checked, synchronous handle on one SQLite file. */
export interface Database {
  /** The one row of a query, or undefined. */
  one(sql: string, ...values: SqlValue[]): Row | undefined;
  /** All rows of a query. */
  all(sql: string, ...values: SqlValue[]): Row[];
  /** Runs a statement; returns how many rows changed and the last rowid. */
  run(sql: string, ...values: SqlValue[]): { changes: number; rowid: number };
  /** Runs statements without values. */
  exec(sql: string): void;
  /**
   * Waits until all that is committed is on the disk. Commits themselves do not (`synchronous=NORMAL`): they would
   * hold up the event loop.
   */
  sync(): Promise<void>;
  close(): void;
}

/** Whether a thrown value says that another connection holds the database. */
export function isBusy(thrown: unknown): boolean {
  return codeOf(thrown).startsWith('SQLITE_BUSY');
}

/** Whether a thrown value says that the disk is full: that of the database, or of a file that a step writes. */
export function isFull(thrown: unknown): boolean {
  return ['SQLITE_FULL', 'ENOSPC', 'EDQUOT'].includes(codeOf(thrown));
}

/** What says that the file cannot be read or written at the moment, and nothing about what is in it. */
const PASSING =
  /^(?:SQLITE_(?:BUSY|LOCKED|IOERR|CANTOPEN|NOMEM|PROTOCOL|READONLY)(?!_DBMOVED)(?!_CORRUPTFS)(?:_|$)|E(?:IO|FBIG|ROFS)$)/;

/** Whether a thrown value may be otherwise later. */
export function isPassing(thrown: unknown): boolean {
  return PASSING.test(codeOf(thrown));
}

/** Whether a thrown value says that a step asks for something that cannot be: the database is well. */
export function isFaultOfStep(thrown: unknown): boolean {
  return codeOf(thrown) === '' || /^SQLITE_(?:CONSTRAINT|MISMATCH|RANGE|TOOBIG)/.test(codeOf(thrown));
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error ? String((thrown as { code?: unknown }).code ?? '') : '';
}

/**
 * Opens (and creates) an SQLite file in WAL mode. The busy timeout is short because it blocks
 * the event loop; whoever needs to wait longer retries asynchronously. Throws WxError `storage`.
 */
export function openDatabase(path: string, busyTimeoutMs = 50): Database {
  try {
    return wrap(open(path, busyTimeoutMs), path);
  } catch (error) {
    throw storageError(path, error);
  }
}

/** A sentence for a failure of the database file at `path`. */
export function storageError(path: string, cause: unknown): WxError {
  if (cause instanceof WxError) return cause;
  const detail = cause instanceof Error ? cause.message : String(cause);
  const what = isFull(cause) ? 'the disk is full' : detail;
  return new WxError('storage', `cannot use the database ${path}: ${what}`, {
    hint: 'wxagent doctor',
    cause,
  });
}

function open(path: string, busyTimeoutMs: number): LibsqlDatabase.Database {
  createPrivate(path);
  const database = new (loadLibsql())(path);
  database.exec(`PRAGMA busy_timeout=${OPEN_WAIT_MS}`);
  useWal(database);
  database.exec('PRAGMA synchronous=NORMAL');
  // What a statement returns goes through a table of its own, for which SQLite would prepare a file.
  database.exec('PRAGMA temp_store=MEMORY');
  // Mostly the same pages change: the more commits a checkpoint is for, the less often each of them is written.
  database.exec('PRAGMA wal_autocheckpoint=4000');
  // Whoever read for long has kept it from being begun anew: it does not stay as long as it has become.
  database.exec(`PRAGMA journal_size_limit=${WAL_BYTES}`);
  database.exec(`PRAGMA busy_timeout=${busyTimeoutMs}`);
  return database;
}

/** SQLite itself does not wait for whoever makes the file at the same moment: it has begun to read by then. */
function useWal(database: LibsqlDatabase.Database): void {
  for (let waitedMs = 0; ; waitedMs += OPEN_PAUSE_MS) {
    try {
      database.exec('PRAGMA journal_mode=WAL');
      return;
    } catch (error) {
      if (!isBusy(error) || waitedMs >= OPEN_WAIT_MS) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, OPEN_PAUSE_MS);
    }
  }
}

/**
 * A new file is its owner's alone (contract 1); WAL and shared memory take its mode over. One that exists
 * is never opened here: closing it would drop the locks this process has on it.
 */
function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

function wrap(database: LibsqlDatabase.Database, path: string): Database {
  let wal: number | undefined;
  // SQLite holds no lock on this file, so a descriptor of our own drops none (see createPrivate).
  const walFile = (): number => {
    wal ??= openSync(`${path}-wal`, 'r+');
    return wal;
  };
  const prepared = remembered((sql) => database.prepare(sql));
  // Rows come as arrays of their values, because libsql takes twice as long to make objects of them.
  const reader = remembered((sql) => {
    const statement = database.prepare(sql).raw(true);
    return { statement, names: statement.columns().map((column) => column.name) };
  });
  return {
    one(sql, ...values) {
      const { statement, names } = reader(sql);
      const found = statement.get(bind(values)) as SqlValue[] | undefined;
      return found && rowOf(names, found);
    },
    all(sql, ...values) {
      const { statement, names } = reader(sql);
      return (statement.all(bind(values)) as SqlValue[][]).map((row) => rowOf(names, row));
    },
    run(sql, ...values) {
      const result = prepared(sql).run(bind(values));
      return { changes: result.changes, rowid: Number(result.lastInsertRowid) };
    },
    exec: (sql) => void database.exec(sql),
    sync: async () => writtenOut(walFile()),
    close() {
      if (wal !== undefined) closeSync(wal);
      wal = undefined;
      database.close();
    },
  };
}

/** Keeps what was made of each SQL text, which takes longer than to run most of them. */
function remembered<T>(make: (sql: string) => T): (sql: string) => T {
  const known = new Map<string, T>();
  return (sql) => {
    let made = known.get(sql);
    if (made === undefined) {
      made = make(sql);
      known.set(sql, made);
    }
    return made;
  };
}

function rowOf(names: readonly string[], values: readonly SqlValue[]): Row {
  const row: Row = {};
  for (let index = 0; index < names.length; index++) row[names[index] as string] = values[index] as SqlValue;
  return row;
}

/** In place. Always an array: a lone Buffer would be taken for named parameters. */
function bind(values: SqlValue[]): SqlValue[] {
  for (let index = 0; index < values.length; index++) values[index] = storable(values[index] as SqlValue);
  return values;
}

/** NUL would cut a text on the way back. */
function storable(value: SqlValue): SqlValue {
  if (value === null) return null;
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new WxError('internal', `not a storable number: ${value}`);
    return value;
  }
  if (Buffer.isBuffer(value)) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  throw new WxError('internal', `not a storable value: ${typeof value}`);
}
