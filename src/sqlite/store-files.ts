import { statSync } from 'node:fs';
import { WxError } from '../core/errors.ts';

/** The files of an open database, as they were when it was first written. */
export interface StoreFiles {
  /** Throws WxError `storage` when they were deleted, moved, replaced or emptied: what is written then is lost with this process. */
  check(): void;
  readonly areGone: boolean;
}

/** See {@link StoreFiles}. A look at two files costs a few microseconds. */
export function createStoreFiles(path: string): StoreFiles {
  const paths = [path, `${path}-wal`];
  let known: StoreFile[] | null = null;
  let areGone = false;

  function isOther(now: StoreFile | null | undefined, index: number): boolean {
    const before = known?.[index];
    if (now === undefined || !before) return false;
    // A database never gets shorter, its WAL does: one that is was emptied, or an older one copied over it.
    if (now?.identity !== before.identity || (index === 0 && now.sizeBytes < before.sizeBytes)) return true;
    before.sizeBytes = now.sizeBytes;
    return false;
  }

  return {
    check() {
      if (!areGone) {
        const now = paths.map(fileAt);
        known ??= now.every((one) => one) ? (now as StoreFile[]) : null;
        areGone = now.some(isOther);
      }
      if (!areGone) return;
      throw new WxError('storage', `the database ${path} was deleted, moved or replaced under this process`, {
        hint: 'stop all of wxagent before its files are moved or restored',
      });
    },
    get areGone() {
      return areGone;
    },
  };
}

/** One of them. */
export interface StoreFile {
  /** What tells it from another one in its place. */
  identity: string;
  sizeBytes: number;
}

/** A file as it is now: null where there is none, undefined where nobody can tell. */
export function fileAt(path: string): StoreFile | null | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found ? { identity: `${found.dev}:${found.ino}`, sizeBytes: found.size } : null;
  } catch {
    return undefined;
  }
}
