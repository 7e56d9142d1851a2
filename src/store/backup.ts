import { open, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { WxError } from '../core/errors.ts';
import { newUuid } from '../core/ids.ts';
import { claimantId, isClaimantAlive, thisProcess } from '../home/claimant.ts';
import type { AccountList } from '../home/config-file.ts';
import { run, type SqlValue } from '../sql/statement.ts';
import { type Database, isFull, openDatabase, transaction } from '../sqlite/database.ts';
import { runStep } from '../sqlite/run-step.ts';
import { sealBackup } from './backup-digest.ts';
import { blobPath } from './outbox/blob-rows.ts';
import { DELAYED, OPEN } from './outbox/part-states.ts';
import { type NeededFile, neededPartFiles } from './outbox/parts.ts';
import { openFileToMove } from './sqlite-store.ts';
import { copyFiles, copyId, type MovableFiles } from './transfer/copy-files.ts';
import {
  createPageSize,
  insertRows,
  lastNumber,
  numberFrom,
  type Page,
  pageAfter,
} from './transfer/copy-rows.ts';
import { checkIsHere, setMoveNote } from './transfer/move-state.ts';
import type { MoveSource } from './transfer/move-store.ts';
import { MOVED_TABLES } from './transfer/moved-tables.ts';

/** What a backup has beside the tables of a store. */
export interface BackupNote {
  /** ISO time of its beginning. */
  madeAt: string;
  /** As config.json has them: tokens are readable. */
  logins: AccountList;
  /** Those of `wxagent config set`, except where the store is. */
  settings: Record<string, unknown>;
}

/** What is in a backup, in numbers. */
export interface BackupCounts {
  accounts: number;
  messages: number;
  /** Parts still to be sent. */
  queued: number;
  /** Files that these need. */
  files: number;
}

/** A claimant id as {@link claimantId} makes it. */
const CLAIMANT = /^[^/]+\/\d+\/./;

/** How often a backup begins anew because files of its parts were sent, and deleted, while it was written. */
const MOST_TRIES = 3;

/**
 * Writes all that a store has at one moment to `path`, an empty file that is there, while others use the store. It is on
 * the disk, checked, and one file when this resolves. Throws WxError.
 */
export async function writeBackup(
  from: MoveSource,
  path: string,
  options: Pick<Parameters<typeof openFileToMove>[0], 'clock' | 'claimant'> & {
    note: Omit<BackupNote, 'logins'>;
    check(): void;
  },
): Promise<BackupCounts> {
  try {
    return await writeAt(path, from, options);
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    throw new WxError('storage', `cannot write in ${dirname(path)}: the disk is full`, {
      hint: 'make room on that disk, or name a file on another one',
      cause: error,
    });
  }
}

async function writeAt(
  path: string,
  from: MoveSource,
  options: Parameters<typeof writeBackup>[2],
): Promise<BackupCounts> {
  const { note, check } = options;
  for (let tries = 1; ; tries++) {
    check();
    let copied: Map<string, number> | null = null;
    if (from.dialect === 'sqlite') {
      // A read that fails is tried again, and then finds what it has written.
      let failure: unknown = null;
      await from.steps.read(function* () {
        if (failure !== null) throw failure;
        yield* checkIsHere(from.name);
        try {
          yield* run('VACUUM INTO ?', path);
        } catch (error) {
          failure = isFull(error) ? error : null;
          throw error;
        }
      });
    } else {
      const copy = `${path}-copy`;
      try {
        await openFileToMove({ ...options, path: copy, reserve: `${copy}-reserve`, wait: null }).close();
        copied = await copyServer(from, copy, path, check);
      } finally {
        await removeDatabase(copy);
      }
    }
    const database = openDatabase(path);
    try {
      ownNothing(database);
      const files = filesInBackup(database);
      const needed = runStep(database, neededPartFiles());
      await copyFiles(needed, from.files, files, check);
      if (tries < MOST_TRIES && (await wereSentMeanwhile(from, needed, files))) {
        database.close();
        await makeEmpty(path);
        continue;
      }
      const logins = await from.logins.list();
      database.run('INSERT INTO backup (note) VALUES (?)', JSON.stringify({ ...note, logins }));
      checkContent(database, path, copied);
      const counts = countsOf(database, logins);
      // No file beside it is needed any more.
      database.exec('PRAGMA journal_mode=DELETE');
      database.close();
      await sealBackup(path);
      return counts;
    } finally {
      database.close();
    }
  }
}

/** Whether a disk is full, as what was thrown or something behind it says. */
function isDiskFull(thrown: unknown): boolean {
  return (
    isFull(thrown) || (thrown instanceof Error && thrown.cause !== undefined && isDiskFull(thrown.cause))
  );
}

/** A name for a file that only this process writes, and what killed processes have left under such names. */
export async function ownFile(prefix: string, end: '.part' | '.db'): Promise<string> {
  const [folder, start] = [dirname(prefix), basename(prefix)];
  const left = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith(start));
  for (const name of left) {
    const [, maker = ''] = new RegExp(`^\\.([\\w-]+)\\${end}`).exec(name.slice(start.length)) ?? [];
    const claimant = Buffer.from(maker, 'base64url').toString('utf8');
    if (CLAIMANT.test(claimant) && !isClaimantAlive(claimant)) await rm(join(folder, name), { force: true });
  }
  return `${prefix}.${Buffer.from(claimantId(thisProcess())).toString('base64url')}${end}`;
}

/** Copies the tables of a server as they are at one moment, by way of `copy`. Returns how many rows each has. */
async function copyServer(
  from: MoveSource,
  copy: string,
  path: string,
  check: () => void,
): Promise<Map<string, number>> {
  const database = openDatabase(copy);
  try {
    const counted = await from.steps.read(function* () {
      yield* checkIsHere(from.name);
      const counts = new Map<string, number>();
      for (const table of MOVED_TABLES) {
        // A step begins anew when its connection was lost.
        database.run(`DELETE FROM ${table.name}`);
        let count = 0;
        const size = createPageSize();
        for (let last: SqlValue[] | null = null; ; ) {
          check();
          const page: Page = yield* pageAfter(table, last, size.rows);
          if (page.rows.length === 0) break;
          count += page.rows.length;
          transaction(database, () => runStep(database, insertRows(table, page.rows)));
          size.learn(page.rows);
          last = page.last;
        }
        if (table.isNumbered) runStep(database, numberFrom(table, yield* lastNumber(table), 'sqlite'));
        counts.set(table.name, count);
      }
      return counts;
    });
    // SQLite keeps the locks of a closed handle for a while, so the backup is a file that has had none.
    database.run('VACUUM INTO ?', path);
    return counted;
  } finally {
    database.close();
  }
}

/** Takes out what belongs to the processes that use the store, and names the content: a restore can go on. */
function ownNothing(database: Database): void {
  transaction(database, () => {
    database.exec(
      `DELETE FROM pollers;
       UPDATE users SET lease = NULL, lease_until = 0 WHERE lease IS NOT NULL;
       CREATE TABLE backup (note TEXT NOT NULL);
       CREATE TABLE backup_files (id TEXT NOT NULL, n INTEGER NOT NULL, bytes BLOB NOT NULL);
       CREATE UNIQUE INDEX backup_files_id ON backup_files (id, n)`,
    );
    runStep(database, setMoveNote({ store: newUuid(), state: 'here', other: '', mover: '' }));
  });
}

/** Whether a file is missing that the store itself does not need any more. */
async function wereSentMeanwhile(
  from: MoveSource,
  needed: readonly NeededFile[],
  files: MovableFiles,
): Promise<boolean> {
  const still = new Set((await from.steps.read(neededPartFiles)).map(({ path }) => copyId(path)));
  for (const file of needed) {
    const id = copyId(file.path);
    if (id !== null && !still.has(id) && !(await files.has(file))) return true;
  }
  return false;
}

/** Throws WxError `storage` when the file is not what was read. */
function checkContent(database: Database, path: string, copied: Map<string, number> | null): void {
  const wrong = (what: string): WxError =>
    new WxError('storage', `the backup ${path} is not what the store has: ${what}`, {
      hint: 'run the same command again',
    });
  const found = database.one('PRAGMA quick_check(1)')?.quick_check;
  if (found !== 'ok') throw wrong(String(found));
  for (const [name, rows] of copied ?? []) {
    const n = Number(database.one(`SELECT count(*) AS n FROM ${name}`)?.n);
    if (n !== rows) throw wrong(`${name}: ${rows} rows became ${n}`);
  }
}

export function countsOf(database: Database, { accounts }: AccountList): BackupCounts {
  const count = (what: string): number => Number(database.one(`SELECT ${what}`)?.n);
  return {
    accounts: accounts.length,
    messages: count('count(*) AS n FROM inbox'),
    queued: count(`count(*) AS n FROM parts WHERE ${OPEN} OR ${DELAYED}`),
    files: count('count(DISTINCT id) AS n FROM backup_files'),
  };
}

/** The files of parts inside a backup, by their ids: its parts name them as the store did. */
export function filesInBackup(database: Database): MovableFiles {
  return {
    pathOf: (_, id) => blobPath(id),
    async has({ path, sizeBytes }) {
      const found = database.one(
        'SELECT count(*) AS n, sum(length(bytes)) AS size FROM backup_files WHERE id = ?',
        copyId(path),
      );
      return found?.n !== 0 && (sizeBytes === null || found?.size === sizeBytes);
    },
    async *read({ path }) {
      for (let n = 0; ; n++) {
        const row = database.one('SELECT bytes FROM backup_files WHERE id = ? AND n = ?', copyId(path), n);
        if (!row) return;
        yield row.bytes as Buffer;
      }
    },
    async put(_, path, chunks) {
      const id = copyId(path);
      const insertion = 'INSERT INTO backup_files (id, n, bytes) VALUES (?, ?, ?)';
      database.run('DELETE FROM backup_files WHERE id = ?', id);
      let n = 0;
      for await (const chunk of chunks) database.run(insertion, id, n++, chunk);
      if (n === 0) database.run(insertion, id, 0, Buffer.alloc(0));
    },
  };
}

/** Deletes what a file has, and those of SQLite beside it. */
async function makeEmpty(path: string): Promise<void> {
  await removeDatabase(path);
  await (await open(path, 'wx', 0o600)).close();
}

/** Deletes a database that nobody has open. */
export async function removeDatabase(path: string): Promise<void> {
  for (const end of ['', '-wal', '-shm', '-journal', '-reserve']) await rm(`${path}${end}`, { force: true });
}
