import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { WxError } from '../core/errors.ts';
import type { Clock } from '../core/time/clock.ts';
import { type Database, isBusy, openDatabase, storageError } from '../sqlite/database.ts';
import { fileAt } from '../sqlite/database-files.ts';
import { makeFolder } from './make-folder.ts';

/** Others that look at the same moment have it for less than this. */
const PROBE_MS = 10;

/** Who holds, or last held, a lock. */
export interface LockHolder {
  host: string;
  pid: number;
  startTime: string;
}

/** What a lock is held for: to serve, until the end of the process, or to look once, which is soon over. */
export type LockPurpose = 'serve' | 'look';

/** Who holds a lock now, and what for. */
export type HeldBy = LockHolder & { purpose: LockPurpose };

/** A lock that is held until `release` or the end of the process, whichever comes first. */
export interface Lock {
  /** Whether its files are still those that others would ask. */
  isInPlace(): boolean;
  /** Lets go of files that are not, so that it can be taken anew; what is left of them is deleted. */
  abandon(): void;
  release(): void;
}

/** Those of this process. Whoever asks for one here is told so even where its files are gone. */
const held = new Map<string, HeldBy>();

/**
 * Takes the lock at `path`, or returns who has it. The lock is an open write transaction on a small
 * database, so the system drops it with the process, however that ends. Nothing else in
 * the process may open the file: closing a second handle would drop the lock.
 */
export function tryLock(path: string, me: LockHolder, purpose: LockPurpose = 'serve'): Attempt {
  const mine = held.get(path);
  if (mine) return { holder: mine };
  const database = openLock(path);
  const attempt = acquire(database, path, { ...me, purpose });
  if ('holder' in attempt) database.close();
  return attempt;
}

type Attempt = { lock: Lock } | { holder: HeldBy | null };

function openLock(path: string): Database {
  try {
    makeFolder(dirname(path));
    return openDatabase(path);
  } catch (error) {
    throw storageError(path, error);
  }
}

/** Takes the lock on an open database, which stays open. */
function acquire(database: Database, path: string, me: HeldBy): Attempt {
  try {
    database.exec(
      'CREATE TABLE IF NOT EXISTS holder (one INTEGER PRIMARY KEY, host TEXT, pid INTEGER, start_time TEXT, purpose TEXT)',
    );
    database.exec('BEGIN IMMEDIATE');
    addPurpose(database);
    database.run(
      'INSERT OR REPLACE INTO holder (one, host, pid, start_time, purpose) VALUES (1, ?, ?, ?, ?)',
      me.host,
      me.pid,
      me.startTime,
      me.purpose,
    );
    // Others must be able to read who has it: committed first, then the transaction that is the lock.
    database.exec('COMMIT');
    database.exec('BEGIN IMMEDIATE');
    return { lock: lockOn(database, path, me) };
  } catch (error) {
    if (isBusy(error)) return { holder: readHolder(database) };
    rollBack(database);
    database.close();
    throw storageError(path, error);
  }
}

function lockOn(database: Database, path: string, me: HeldBy): Lock {
  const identities = (): (string | undefined)[] =>
    [path, `${path}-wal`, `${path}-shm`].map((file) => {
      const found = fileAt(file);
      return found === null ? 'gone' : found?.identity;
    });
  const first = identities();
  held.set(path, me);
  return {
    isInPlace: () => identities().every((now, index) => (now ?? first[index]) === first[index]),
    abandon() {
      rollBack(database);
      database.close();
      held.delete(path);
      // As long as this process has the database open anywhere, SQLite would go on with its deleted side files.
      if (identities()[0] === first[0])
        for (const file of ['-shm', '-wal', '']) rmSync(`${path}${file}`, { force: true });
    },
    release() {
      held.delete(path);
      release(database);
    },
  };
}

/** Lets go in order: nothing is left behind, and the process may go on delivering under its own leases. */
function release(database: Database): void {
  try {
    database.run('DELETE FROM holder');
    database.exec('COMMIT');
  } catch {
    // A full disk, mostly: then only the name of the last holder stays.
    rollBack(database);
  } finally {
    database.close();
  }
}

/** Ends the transaction, which is the lock: closing alone does not, as long as a statement is in memory. */
function rollBack(database: Database): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // SQLite has ended it by itself.
  }
}

/** The holder of the lock at `path` right now; null: it is free. */
export function lockHolder(path: string): HeldBy | null {
  const mine = held.get(path);
  if (mine) return mine;
  if (!existsSync(path)) return null;
  const database = openDatabase(path, PROBE_MS);
  try {
    database.exec('BEGIN IMMEDIATE');
    database.exec('ROLLBACK');
    return null;
  } catch (error) {
    if (isBusy(error)) return readHolder(database);
    throw storageError(path, error);
  } finally {
    database.close();
  }
}

/** Runs `work` under the lock at `path`, waiting for others up to `waitMs`. Throws WxError `busy`. */
export async function withLock<T>(
  path: string,
  me: LockHolder,
  clock: Clock,
  work: () => T | Promise<T>,
  waitMs = 10_000,
): Promise<T> {
  // One handle for all tries: a closed one keeps its files open until its statements are collected.
  const database = openLock(path);
  const giveUpAt = clock.monotonic() + waitMs;
  for (;;) {
    const attempt = acquire(database, path, { ...me, purpose: 'look' });
    if ('lock' in attempt) {
      try {
        return await work();
      } finally {
        attempt.lock.release();
      }
    }
    if (clock.monotonic() > giveUpAt) {
      database.close();
      throw new WxError('busy', `process ${attempt.holder?.pid ?? '(unknown)'} holds ${path}`, {
        hint: 'try again in a moment',
      });
    }
    await clock.sleep(20);
  }
}

/** Locks of earlier versions do not tell what they are held for. */
function addPurpose(database: Database): void {
  if (!hasPurpose(database)) database.exec('ALTER TABLE holder ADD COLUMN purpose TEXT');
}

function hasPurpose(database: Database): boolean {
  return database.one("SELECT 1 FROM pragma_table_info('holder') WHERE name = 'purpose'") !== undefined;
}

function readHolder(database: Database): HeldBy | null {
  // A lock that is just being made has no holder in it yet.
  if (!database.one("SELECT 1 FROM sqlite_master WHERE name = 'holder'")) return null;
  const purpose = hasPurpose(database) ? 'purpose' : 'NULL AS purpose';
  const row = database.one(`SELECT host, pid, start_time, ${purpose} FROM holder WHERE one = 1`);
  if (!row) return null;
  return {
    host: row.host as string,
    pid: row.pid as number,
    startTime: row.start_time as string,
    purpose: row.purpose === 'look' ? 'look' : 'serve',
  };
}
