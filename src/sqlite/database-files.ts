import { renameSync, rmSync, statSync } from 'node:fs';
import { WxError } from '../core/errors.ts';
import { type DatabaseMark, isNotOlder, isSameDatabase, markInFile, UNMARKED } from './database-mark.ts';

/** Checks that the files of an open database are still those that it was opened with. */
export interface DatabaseFiles {
  /** Throws WxError `storage` when the files were deleted, moved, replaced or emptied: new writes would be lost. */
  check(): void;
  readonly areGone: boolean;
  /** Another database was copied over this one, which SQLite has not noticed: closing this one would write into it. */
  readonly isOverwritten: boolean;
}

export interface MarkedDatabase {
  /** The mark that SQLite reads. */
  mark(): DatabaseMark;
  /** Called when the file was written and is intact: from now on a copy of it has the same mark, so it needs a new one. */
  onWritten(): void;
}

/**
 * See {@link DatabaseFiles}. A check of both files costs a few microseconds. The mark is read only after the file was
 * written, which only checkpoints do.
 */
export function createDatabaseFiles(path: string, marked: MarkedDatabase | null = null): DatabaseFiles {
  const paths = [path, `${path}-wal`];
  const firstMark = marked?.mark() ?? UNMARKED;
  let known: DatabaseFile[] | null = null;
  /** The last mark that was read from the file. */
  let inFile: DatabaseMark | null = null;
  let areGone = false;
  let isOverwritten = false;

  function isReplaced(now: DatabaseFile | null | undefined, index: number): boolean {
    const before = known?.[index];
    if (now === undefined || !before) return false;
    // A database never shrinks (its WAL does): a shorter one was emptied, or overwritten by an older copy.
    if (now?.identity !== before.identity || (index === 0 && now.sizeBytes < before.sizeBytes)) return true;
    before.sizeBytes = now.sizeBytes;
    return false;
  }

  /** Whether a mark in the file is of this database, and not of an older copy of it. */
  function isOwn(mark: DatabaseMark | null): boolean {
    if (mark === null) return false;
    if (firstMark === UNMARKED || (mark === UNMARKED && (inFile ?? UNMARKED) === UNMARKED)) return true;
    return isSameDatabase(mark, firstMark) && isNotOlder(mark, inFile ?? UNMARKED);
  }

  /** The first mark in the file; null when it cannot be read. */
  function ownMark({ identity }: DatabaseFile): DatabaseMark | null {
    try {
      const mark = markInFile(path, identity);
      return isOwn(mark) ? mark : null;
    } catch {
      return null;
    }
  }

  /** Whether SQLite itself replaced the content, as `.restore` does: then the WAL belongs to the new database. */
  function isReplacedBySqlite(): boolean {
    try {
      return marked !== null && !isSameDatabase(marked.mark(), firstMark);
    } catch {
      return false;
    }
  }

  /** Reads the mark of a file that was written since the last check. */
  function readMark(now: DatabaseFile, before: DatabaseFile): void {
    let mark: DatabaseMark | null;
    try {
      mark = markInFile(path, now.identity);
      // A checkpoint that was just writing these bytes has finished them by now.
      if (!isOwn(mark)) mark = markInFile(path, now.identity);
    } catch {
      return; // No descriptor is free: the next check reads it.
    }
    before.changedAtMs = now.changedAtMs;
    if (isOwn(mark)) {
      inFile = mark;
      marked?.onWritten();
      return;
    }
    areGone = true;
    isOverwritten = !isReplacedBySqlite();
    if (isOverwritten) moveWalAway(path);
  }

  return {
    check() {
      if (!areGone) {
        const now = paths.map(fileAt);
        if (!known && now.every((one) => one)) {
          known = now as DatabaseFile[];
          inFile = ownMark(known[0] as DatabaseFile);
        }
        areGone = now.some(isReplaced);
        const [before] = known ?? [];
        if (!areGone && before && now[0] && now[0].changedAtMs !== before.changedAtMs)
          readMark(now[0], before);
      }
      if (!areGone) return;
      throw new WxError('storage', `the database ${path} was deleted, moved or replaced under this process`, {
        hint: 'stop all of wxagent before its files are moved or restored',
      });
    },
    get areGone() {
      return areGone;
    },
    get isOverwritten() {
      return isOverwritten;
    },
  };
}

/** Moves the WAL away, so that SQLite does not write the former database into the one that replaced it. */
function moveWalAway(path: string): void {
  try {
    renameSync(`${path}-wal`, `${path}-wal.old`);
    rmSync(`${path}-shm`, { force: true });
  } catch {
    // Another process has done it, or no process can.
  }
}

export interface DatabaseFile {
  /** Differs for another file at the same path. */
  identity: string;
  sizeBytes: number;
  /** When anything of it was last changed, its times included: no program can set that. */
  changedAtMs: number;
}

/** The file at a path; null when there is none, undefined when that cannot be determined. */
export function fileAt(path: string): DatabaseFile | null | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found
      ? { identity: `${found.dev}:${found.ino}`, sizeBytes: found.size, changedAtMs: found.ctimeMs }
      : null;
  } catch {
    return undefined;
  }
}
