import { renameSync, rmSync, statSync } from 'node:fs';
import { WxError } from '../core/errors.ts';
import { type DatabaseMark, isOfLine, markInFile, mayFollow, UNMARKED } from './database-mark.ts';

/** The files of an open database, as they were when it was first written. */
export interface DatabaseFiles {
  /** Throws WxError `storage` when they were deleted, moved, replaced or emptied: what is written then is lost with this process. */
  check(): void;
  readonly areGone: boolean;
  /** Another database was copied over this one, which SQLite does not know: to close it would write into that. */
  readonly isOverwritten: boolean;
}

/** The mark of the database, where it has one. */
export interface MarkedDatabase {
  /** As SQLite tells it. */
  mark(): DatabaseMark;
  /** Told when the file has been written and is still its own: what is copied from here on needs another mark. */
  onWritten(): void;
}

/**
 * See {@link DatabaseFiles}. A look at two files costs a few microseconds; the mark in the file is read when it was
 * written, which checkpoints do, seldom.
 */
export function createDatabaseFiles(path: string, marked: MarkedDatabase | null = null): DatabaseFiles {
  const paths = [path, `${path}-wal`];
  const line = marked?.mark() ?? UNMARKED;
  let known: DatabaseFile[] | null = null;
  /** The last mark that was seen in the file. */
  let inFile: DatabaseMark | null = null;
  let areGone = false;
  let isOverwritten = false;

  function isOther(now: DatabaseFile | null | undefined, index: number): boolean {
    const before = known?.[index];
    if (now === undefined || !before) return false;
    // A database never gets shorter, its WAL does: one that is was emptied, or an older one copied over it.
    if (now?.identity !== before.identity || (index === 0 && now.sizeBytes < before.sizeBytes)) return true;
    before.sizeBytes = now.sizeBytes;
    return false;
  }

  /** Whether the file is still that of this database, and no older copy of it. */
  function isOwn(mark: DatabaseMark | null): boolean {
    if (mark === null) return false;
    if (line === UNMARKED || (mark === UNMARKED && (inFile ?? UNMARKED) === UNMARKED)) return true;
    return isOfLine(mark, line) && mayFollow(mark, inFile ?? UNMARKED);
  }

  /** The mark in the file before anything happens to it, where that can be read. */
  function ownMark({ identity }: DatabaseFile): DatabaseMark | null {
    try {
      const mark = markInFile(path, identity);
      return isOwn(mark) ? mark : null;
    } catch {
      return null;
    }
  }

  /** Whether SQLite itself has made another database of it, as `.restore` does: then its WAL belongs to that. */
  function isOthersToSqlite(): boolean {
    try {
      return marked !== null && !isOfLine(marked.mark(), line);
    } catch {
      return false;
    }
  }

  /** Looks into a file that was written since the last look. */
  function readMark(now: DatabaseFile, before: DatabaseFile): void {
    let mark: DatabaseMark | null;
    try {
      mark = markInFile(path, now.identity);
      // Whoever writes a checkpoint at this moment is done with these bytes.
      if (!isOwn(mark)) mark = markInFile(path, now.identity);
    } catch {
      return; // no descriptor is free: the next look does it
    }
    before.changedAtMs = now.changedAtMs;
    if (isOwn(mark)) {
      inFile = mark;
      marked?.onWritten();
      return;
    }
    areGone = true;
    isOverwritten = !isOthersToSqlite();
    if (isOverwritten) leaveAlone(path);
  }

  return {
    check() {
      if (!areGone) {
        const now = paths.map(fileAt);
        if (!known && now.every((one) => one)) {
          known = now as DatabaseFile[];
          inFile = ownMark(known[0] as DatabaseFile);
        }
        areGone = now.some(isOther);
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

/** What the former database had in its WAL would be written into the one that lies in its place now: it is moved away. */
function leaveAlone(path: string): void {
  try {
    renameSync(`${path}-wal`, `${path}-wal.old`);
    rmSync(`${path}-shm`, { force: true });
  } catch {
    // Another process has done it, or nobody can.
  }
}

/** One of them. */
export interface DatabaseFile {
  /** What tells it from another one in its place. */
  identity: string;
  sizeBytes: number;
  /** When anything of it was last changed, its times included: no program can set that. */
  changedAtMs: number;
}

/** A file as it is now: null where there is none, undefined where nobody can tell. */
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
