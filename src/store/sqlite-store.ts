import { dirname } from 'node:path';
import { makeFolder } from '../home/make-folder.ts';
import { type Database, openDatabase, storageError, transaction } from '../sqlite/database.ts';
import { createDatabaseFiles } from '../sqlite/database-files.ts';
import { markOf, UNMARKED, writeNextMark } from '../sqlite/database-mark.ts';
import { accountView } from './accounts/account-view.ts';
import { markLogin, openAccount, recordPoll } from './accounts/accounts.ts';
import { allowedUsers, setAllowed } from './accounts/allowed.ts';
import { becomePoller, endPolling, notedPoller, polledAccounts } from './accounts/pollers.ts';
import { contextToken, sessionValue, setSessionValue } from './accounts/sessions.ts';
import { keepReserve } from './commit/disk-reserve.ts';
import { createDiskRetry, type DiskWait } from './commit/full-disk.ts';
import { createGroupCommit } from './commit/group-commit.ts';
import { mediaKeys } from './inbox/media-keys.ts';
import { message, messages } from './inbox/message-rows.ts';
import { quoted } from './inbox/quoted.ts';
import { storeMessages } from './inbox/store-messages.ts';
import { triage } from './inbox/triage.ts';
import { retry, unfinished, unfinishedContent } from './inbox/unfinished.ts';
import { migrate } from './migrations.ts';
import { budgetOf } from './outbox/budget.ts';
import { claimPart, returnPart } from './outbox/claim.ts';
import { requeueExpired } from './outbox/holds.ts';
import { type Claimant, renewLease } from './outbox/lease.ts';
import { dropParts, openParts, partsOf, unneededFiles, usersToDeliver } from './outbox/parts.ts';
import { enqueue } from './outbox/queue.ts';
import { settlePart } from './outbox/settle.ts';
import { recordUpload, runningUpload, settleUpload } from './outbox/uploads.ts';
import type { Store } from './port/port.ts';
import { sweep } from './retention.ts';
import { createServerTimeSaver, type LearningClock, restoreServerTime } from './server-time.ts';
import { queueNotice, queueOutput } from './turns/output.ts';
import { forgetChild, recordChild, recover } from './turns/recovery.ts';
import { finishAnswer, finishTurn, startTurn } from './turns/turns.ts';

/** Opens (and creates, folders included) the store at `path`. Throws WxError `storage`, or `config` for a newer schema. */
export function openStore(options: {
  path: string;
  /** File that is deleted when the disk is full. */
  reserve: string;
  clock: LearningClock;
  claimant: Claimant;
  /** How steps wait while the disk cannot be written; null: they fail at once. */
  wait: DiskWait | null;
}): Store {
  const { path, claimant } = options;
  const database = openNewest(path);
  restoreServerTime(database, options.clock);
  /** Whether the file has the newest mark, which tells it from older copies. */
  let isMarkInFile = false;
  const files = createDatabaseFiles(path, {
    mark: () => markOf(database),
    onWritten() {
      isMarkInFile = true;
    },
  });
  const diskRetry = createDiskRetry({ ...options, files });
  const commits = createGroupCommit({ ...options, database, retry: diskRetry });
  /** All accounts of a process keep one reserve. */
  let reserved: Promise<void> | null = null;
  const { run } = commits;
  const saveServerTime = createServerTimeSaver(options.clock);
  /** Reads at once, without waiting for a turn of the event loop. */
  async function read<T>(work: () => T): Promise<T> {
    try {
      return work();
    } catch {
      return diskRetry(work);
    }
  }

  /** Marks the file as newer than all copies that exist. */
  async function markAsNewer(): Promise<void> {
    try {
      await run(writeNextMark);
      database.exec('PRAGMA wal_checkpoint(PASSIVE)');
      files.check();
      isMarkInFile = false;
    } catch {
      // The next checkpoint does it, and the next step reports a lost database.
    }
  }

  return {
    inbox: {
      storeMessages: (intake) =>
        run((db) => {
          saveServerTime(db);
          return storeMessages(db, intake);
        }),
      triage: (input) => run((db) => triage(db, input)),
      unfinished: (account) => read(() => unfinished(database, account)),
      unfinishedContent: (account) => read(() => unfinishedContent(database, account)),
      retry: (input) => run((db) => retry(db, input)),
      quoted: (input) => read(() => quoted(database, input)),
      mediaKeys: (input) => read(() => mediaKeys(database, input)),
      messages: (input) => read(() => messages(database, input)),
      message: (input) => read(() => message(database, input)),
    },
    turns: {
      startTurn: (input) => run((db) => startTurn(db, input)),
      queueOutput: (input) => run((db) => queueOutput(db, input, claimant)),
      queueNotice: (input) => run((db) => queueNotice(db, input, claimant)),
      finishTurn: (input) => run((db) => finishTurn(db, input, claimant)),
      finishAnswer: (input) => run((db) => finishAnswer(db, input)),
      recover: (input) => run((db) => recover(db, input)),
      recordChild: (input) => run((db) => recordChild(db, input)),
      forgetChild: (input) => run((db) => forgetChild(db, input)),
    },
    outbox: {
      enqueue: (request) => run((db) => enqueue(db, request, claimant)),
      usersToDeliver: (account) => read(() => usersToDeliver(database, account)),
      claimPart: (request) => run((db) => claimPart(db, request, claimant)),
      renewLease: (input) => run((db) => renewLease(db, input, claimant.id)),
      returnPart: (input) => run((db) => returnPart(db, input, claimant.id)),
      settlePart: (input) => run((db) => settlePart(db, input, claimant)),
      settleUpload: (input) => run((db) => settleUpload(db, input, claimant.id)),
      recordUpload: (input) => run((db) => recordUpload(db, input)),
      runningUpload: (input) => read(() => runningUpload(database, input, claimant)),
      parts: (seqs) => read(() => partsOf(database, seqs)),
      openParts: (account) => read(() => openParts(database, account)),
      dropParts: (input) => run((db) => dropParts(db, input, claimant)),
      requeueExpired: (input) => run((db) => requeueExpired(db, input)),
      async unneededFiles(paths) {
        await commits.flush();
        return read(() => unneededFiles(database, paths));
      },
      budget: (input) => read(() => budgetOf(database, input)),
    },
    sessions: {
      sessionValue: (key) => read(() => sessionValue(database, key)),
      setSessionValue: (input) => run((db) => setSessionValue(db, input)),
      contextToken: (input) => read(() => contextToken(database, input)),
    },
    admin: {
      openAccount: (input) => run((db) => openAccount(db, input)),
      markLogin: (input) => run((db) => markLogin(db, input)),
      recordPoll: (input) =>
        run((db) => {
          saveServerTime(db);
          recordPoll(db, input);
        }),
      accountView: (account) => read(() => accountView(database, account)),
      poller: (account) => read(() => notedPoller(database, account)),
      becomePoller: (input) => run((db) => becomePoller(db, input, claimant)),
      polledAccounts: () => read(() => polledAccounts(database, claimant)),
      endPolling: (account) => run((db) => endPolling(db, account, claimant)),
      allowed: (account) => read(() => allowedUsers(database, account)),
      setAllowed: (input) => run((db) => setAllowed(db, input)),
      sweep: (retention) => run((db) => sweep(db, retention)),
      async verify() {
        const found = database.one('PRAGMA quick_check(1)')?.quick_check;
        return found === 'ok' ? null : String(found);
      },
      keepReserve: () => (reserved ??= keepReserve(options.reserve).then(markAsNewer)),
    },
    flush: commits.flush,
    changes() {
      files.check();
      if (isMarkInFile) {
        isMarkInFile = false;
        run(writeNextMark).catch(() => {});
      }
      return Number(database.one('PRAGMA data_version')?.data_version ?? 0);
    },
    get isLost() {
      return files.areGone;
    },
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

/** Opens the file and migrates it to the newest schema; creates missing folders. */
function openNewest(path: string): Database {
  let database: Database | undefined;
  try {
    makeFolder(dirname(path));
    database = openDatabase(path);
    migrate(database, path);
    markFirst(database);
    return database;
  } catch (error) {
    database?.close();
    throw storageError(path, error);
  }
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
