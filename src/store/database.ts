import { closeSync, fdatasyncSync, openSync } from 'node:fs';
import type LibsqlDatabase from 'libsql';
import { hasCode, WxError } from '../core/errors.ts';
import { loadLibsql } from './libsql.ts';

/** While the first process of many that start at once makes the file, or the last of many ends, the others wait. */
const OPEN_WAIT_MS = 5_000;

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
  /** Waits until all that is committed is on the disk. Commits themselves do not wait (`synchronous=NORMAL`). */
  sync(): void;
  close(): void;
}

/** Whether a thrown value says that another connection holds the database. */
export function isBusy(thrown: unknown): boolean {
  return codeOf(thrown).startsWith('SQLITE_BUSY');
}

/** Whether a thrown value says that the disk is full. */
export function isFull(thrown: unknown): boolean {
  return codeOf(thrown) === 'SQLITE_FULL';
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
  const Libsql = loadLibsql();
  createPrivate(path);
  const database = new Libsql(path);
  database.exec(`PRAGMA busy_timeout=${OPEN_WAIT_MS}`);
  database.exec('PRAGMA journal_mode=WAL');
  database.exec('PRAGMA synchronous=NORMAL');
  database.exec(`PRAGMA busy_timeout=${busyTimeoutMs}`);
  return database;
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
  const statements = new Map<string, LibsqlDatabase.Statement>();
  const prepared = (sql: string): LibsqlDatabase.Statement => {
    let statement = statements.get(sql);
    if (!statement) {
      statement = database.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
  return {
    one: (sql, ...values) => prepared(sql).get(bind(values)) as Row | undefined,
    all: (sql, ...values) => prepared(sql).all(bind(values)).map(withBuffers),
    run(sql, ...values) {
      const result = prepared(sql).run(bind(values));
      return { changes: result.changes, rowid: Number(result.lastInsertRowid) };
    },
    exec: (sql) => void database.exec(sql),
    sync() {
      // SQLite holds no lock on this file, so a descriptor of our own drops none (see createPrivate).
      wal ??= openSync(`${path}-wal`, 'r+');
      fdatasyncSync(wal);
    },
    close() {
      if (wal !== undefined) closeSync(wal);
      database.close();
    },
  };
}

/** libsql gives the bytes of one row as a Buffer, but those of many rows as ArrayBuffers. */
function withBuffers(row: unknown): Row {
  const columns = Object.entries(row as Record<string, SqlValue | ArrayBuffer>);
  return Object.fromEntries(
    columns.map(([name, value]) => [name, value instanceof ArrayBuffer ? Buffer.from(value) : value]),
  );
}

/** Always an array: a lone Buffer would be taken for named parameters. NUL would cut a text on the way back. */
function bind(values: SqlValue[]): SqlValue[] {
  return values.map((value) => {
    if (value === null) return null;
    if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value)) throw new WxError('internal', `not a storable number: ${value}`);
      return value;
    }
    if (Buffer.isBuffer(value)) return value;
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    throw new WxError('internal', `not a storable value: ${typeof value}`);
  });
}
