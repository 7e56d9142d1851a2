import { dirname } from 'node:path';
import { makeFolder } from '../home/make-folder.ts';
import type { StepRunner, StepWait } from '../sql/step-runner.ts';
import { type Database, openDatabase, storageError, transaction } from '../sqlite/database.ts';
import { createDatabaseFiles } from '../sqlite/database-files.ts';
import { markOf, UNMARKED, writeNextMark } from '../sqlite/database-mark.ts';
import { runStep } from '../sqlite/run-step.ts';
import { keepReserve } from './commit/disk-reserve.ts';
import { createDiskRetry } from './commit/full-disk.ts';
import { createGroupCommit } from './commit/group-commit.ts';
import { endUnwantedLog, wantEvents } from './events/events.ts';
import type { Claimant } from './outbox/user-lease.ts';
import type { Store } from './port/port.ts';
import { checkIsOurs, migrate } from './schema/migrate-sqlite.ts';
import { createStore } from './store.ts';
import { checkIsHere } from './transfer/move-state.ts';
import { type LearningClock, restoreServerTime } from './wechat-server-time.ts';

interface SqliteStoreOptions {
  path: string;
  /** File that is deleted when the disk is full. */
  reserve: string;
  clock: LearningClock;
  claimant: Claimant;
  /** How steps wait while the disk cannot be written; null: they fail at once. */
  wait: StepWait | null;
}

/** Opens (and creates, folders included) the store at `path`. Throws WxError `storage`, or `config` for a newer schema. */
export function openStore(options: SqliteStoreOptions): Store {
  const database = openNewest(options.path, true);
  runStep(database, restoreServerTime(options.clock));
  const log = { want: wantEvents, endUnwanted: endUnwantedLog };
  return createStore(createSqliteRunner(database, options), { ...options, log });
}

/** Opens (and creates) a store at `path` to move it from or to there. Throws what {@link openStore} does. */
export function openFileToMove(options: SqliteStoreOptions): StepRunner {
  return createSqliteRunner(openNewest(options.path, false), options);
}

function createSqliteRunner(database: Database, options: Omit<SqliteStoreOptions, 'claimant'>): StepRunner {
  /** Whether the file has the newest mark, which tells it from older copies. */
  let isMarkInFile = false;
  const files = createDatabaseFiles(options.path, {
    mark: () => markOf(database),
    onWritten() {
      isMarkInFile = true;
    },
  });
  const diskRetry = createDiskRetry({ ...options, files });
  const commits = createGroupCommit({ ...options, database, files, retry: diskRetry });
  /** All accounts of a process keep one reserve. */
  let reserved: Promise<void> | null = null;

  /** Marks the file as newer than all copies that exist. */
  async function markAsNewer(): Promise<void> {
    try {
      await commits.run(writeNextMark);
      database.exec('PRAGMA wal_checkpoint(PASSIVE)');
      files.check();
      isMarkInFile = false;
    } catch {
      // The next checkpoint does it, and the next step reports a lost database.
    }
  }

  return {
    run: (_account, step, beforeCommit) => commits.run((db) => runStep(db, step()), beforeCommit),
    // Reads at once, without waiting for a turn of the event loop.
    async read(step) {
      try {
        return runStep(database, step());
      } catch {
        return diskRetry(() => runStep(database, step()));
      }
    },
    flush: commits.flush,
    changes() {
      files.check();
      if (isMarkInFile) {
        isMarkInFile = false;
        commits.run(writeNextMark).catch(() => {});
      }
      let version: number | null = null;
      // Read when it is asked for: most callers only want to know that the files are there.
      return () => (version ??= Number(database.one('PRAGMA data_version')?.data_version ?? 0));
    },
    get isLost() {
      return files.areGone;
    },
    async verify() {
      const found = database.one('PRAGMA quick_check(1)')?.quick_check;
      return found === 'ok' ? null : String(found);
    },
    keepReserve: () => (reserved ??= keepReserve(options.reserve).then(markAsNewer)),
    async close() {
      try {
        await commits.idle();
        await commits.flush();
      } finally {
        if (!files.isOverwritten) database.close();
      }
    },
  };
}

/** Opens the file and migrates it to the newest schema; creates missing folders. With `isHere`, one that has moved away is refused. */
function openNewest(path: string, isHere: boolean): Database {
  let database: Database | undefined;
  try {
    makeFolder(dirname(path));
    database = openDatabase(path);
    checkIsOurs(database, path);
    // Before a migration, which would write into what is closed.
    if (isHere && hasTable(database, 'moves')) runStep(database, checkIsHere(path));
    migrate(database, path);
    markFirst(database);
    return database;
  } catch (error) {
    database?.close();
    throw storageError(path, error);
  }
}

function hasTable(database: Database, name: string): boolean {
  return database.one("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", name) !== undefined;
}

/** Gives a database the mark that tells it from others. If that fails, the next process does it. */
function markFirst(database: Database): void {
  if (markOf(database) !== UNMARKED) return;
  try {
    transaction(database, () => {
      if (markOf(database) === UNMARKED) writeNextMark(database);
    });
  } catch {
    // The database is busy or cannot be written; the next step reports what lasts.
  }
}
