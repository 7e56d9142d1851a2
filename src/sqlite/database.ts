import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import type LibsqlDatabase from 'libsql';
import { codeOf, hasCode, WxError } from '../core/errors.ts';
import type { Row, SqlValue, Statement } from '../sql/statement.ts';
import { storable } from '../sql/storable.ts';

/** How long a process waits to open the file while another one creates it, or closes it as the last. */
const OPEN_WAIT_MS = 5_000;
const OPEN_PAUSE_MS = 5;
/** The size of the WAL between two checkpoints (`wal_autocheckpoint`): a longer one is truncated to it. */
const WAL_BYTES = 16 * 1024 * 1024;

/** A checked, synchronous handle on one SQLite file. */
export interface Database {
  one(sql: string, ...values: SqlValue[]): Row | undefined;
  all(sql: string, ...values: SqlValue[]): Row[];
  /** Runs a statement; returns how many rows changed. */
  run(sql: string, ...values: SqlValue[]): number;
  /** Runs a statement of a step; returns its result. */
  answer(statement: Statement<unknown>): unknown;
  /** Runs statements without values. */
  exec(sql: string): void;
  /** Resolves when everything committed is on the disk: with `synchronous=NORMAL` a commit does not wait for it. */
  sync(): Promise<void>;
  /** The same at once: it blocks the event loop for as long as the disk takes. */
  syncBlocking(): void;
  close(): void;
}

/** Whether a thrown value means that another connection has locked the database. */
export function isBusy(thrown: unknown): boolean {
  return codeOf(thrown).startsWith('SQLITE_BUSY');
}

/** Whether a disk is full: that of the database or of a file. A -shm file that cannot grow is an I/O error to SQLite. */
export function isFull(thrown: unknown): boolean {
  return ['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'EDQUOT'].includes(codeOf(thrown));
}

/** Errors of reading or writing the file that may pass; none of them concerns its content. */
const TRANSIENT =
  /^(?:SQLITE_(?:BUSY|LOCKED|IOERR|CANTOPEN|NOMEM|PROTOCOL|READONLY)(?!_DBMOVED)(?!_CORRUPTFS)(?:_|$)|E(?:IO|FBIG|ROFS)$)/;

/** Whether a thrown value means a failure that may pass. */
export function isTransient(thrown: unknown): boolean {
  return TRANSIENT.test(codeOf(thrown));
}

/** Whether a thrown value means that the step is faulty, and not the database. */
export function isFaultOfStep(thrown: unknown): boolean {
  return codeOf(thrown) === '' || /^SQLITE_(?:CONSTRAINT|MISMATCH|RANGE|TOOBIG)/.test(codeOf(thrown));
}

/**
 * Opens (and creates) an SQLite file in WAL mode. The busy timeout is short because it blocks
 * the event loop; callers that wait longer retry asynchronously. Throws WxError `storage`.
 */
export function openDatabase(path: string, busyTimeoutMs = 50): Database {
  try {
    return wrap(open(path, busyTimeoutMs), path);
  } catch (error) {
    throw storageError(path, error);
  }
}

/** The error for a failure of the database file at `path`. */
export function storageError(path: string, cause: unknown): WxError {
  if (cause instanceof WxError) return cause;
  const detail = cause instanceof Error ? cause.message : String(cause);
  const what = isFull(cause) ? 'the disk is full' : detail;
  return new WxError('storage', `cannot use the database ${path}: ${what}`, {
    hint: 'wxagent doctor',
    cause,
  });
}

/**
 * Runs work in a transaction that takes the write lock at once, so that it cannot fail on a stale snapshot. The library's
 * own wrapper hides the first error behind that of its rollback. What `exec` runs would be parsed each time.
 */
export function transaction<T>(database: Database, work: () => T): T {
  database.run('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.run('COMMIT');
    return result;
  } catch (error) {
    try {
      database.exec('ROLLBACK');
    } catch {
      // SQLite rolls back by itself after some errors; the first error is the one that matters.
    }
    throw error;
  }
}

/** Loads libsql, a native CommonJS module, when the first database is opened. */
export function loadLibsql(): typeof LibsqlDatabase {
  // It learns from a diagnostic report which C library this is. The network's part of that takes longer than the rest.
  Object.assign(process.report, { excludeNetwork: true });
  return createRequire(import.meta.url)('libsql');
}

function open(path: string, busyTimeoutMs: number): LibsqlDatabase.Database {
  createPrivate(path);
  const database = new (loadLibsql())(path);
  database.exec(`PRAGMA busy_timeout=${OPEN_WAIT_MS}`);
  useWal(database);
  database.exec('PRAGMA synchronous=NORMAL');
  // A RETURNING clause uses a temporary table, for which SQLite would create a file.
  database.exec('PRAGMA temp_store=MEMORY');
  // Commits change mostly the same pages: the more commits a checkpoint covers, the less often each page is written.
  database.exec('PRAGMA wal_autocheckpoint=4000');
  // A long read keeps the WAL from being restarted; afterwards it is truncated.
  database.exec(`PRAGMA journal_size_limit=${WAL_BYTES}`);
  database.exec(`PRAGMA busy_timeout=${busyTimeoutMs}`);
  return database;
}

/** Retries by itself: SQLite does not wait here for a process that creates the file, because it is reading by then. */
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

/** Creates the file for its owner only. An existing one is not opened: closing it would drop this process's locks. */
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
  const prepared = memoized((sql) => database.prepare(sql));
  // libsql takes twice as long to return rows as objects as it takes to return arrays of values.
  const reader = memoized((sql) => {
    const statement = database.prepare(sql).raw(true);
    return { statement, names: statement.columns().map((column) => column.name) };
  });
  const one = (sql: string, values: SqlValue[]): Row | undefined => {
    const { statement, names } = reader(sql);
    const found = statement.get(bind(values)) as SqlValue[] | undefined;
    return found && rowOf(names, found);
  };
  const all = (sql: string, values: SqlValue[]): Row[] => {
    const { statement, names } = reader(sql);
    return (statement.all(bind(values)) as SqlValue[][]).map((row) => rowOf(names, row));
  };
  const run = (sql: string, values: SqlValue[]): LibsqlDatabase.RunResult => prepared(sql).run(bind(values));
  return {
    one: (sql, ...values) => one(sql, values),
    all: (sql, ...values) => all(sql, values),
    run: (sql, ...values) => run(sql, values).changes,
    answer({ kind, sql, values }) {
      const text = typeof sql === 'string' ? sql : sql.sqlite;
      switch (kind) {
        case 'one':
          return one(text, values);
        case 'all':
          return all(text, values);
        case 'run':
          return run(text, values).changes;
        case 'insert':
          return Number(run(text, values).lastInsertRowid);
      }
    },
    exec: (sql) => void database.exec(sql),
    sync: () =>
      new Promise((resolve, reject) => {
        fdatasync(walFile(), (error) => (error ? reject(error) : resolve()));
      }),
    syncBlocking: () => fdatasyncSync(walFile()),
    close() {
      if (wal !== undefined) closeSync(wal);
      wal = undefined;
      database.close();
    },
  };
}

/** Prepares each SQL text once: preparing takes longer than running most of them. */
function memoized<T>(make: (sql: string) => T): (sql: string) => T {
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

/** Converts values in place. The result is always an array: libsql takes a lone Buffer for named parameters. */
function bind(values: SqlValue[]): SqlValue[] {
  for (let index = 0; index < values.length; index++) values[index] = storable(values[index] as SqlValue);
  return values;
}
