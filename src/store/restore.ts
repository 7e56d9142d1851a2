import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { hasCode, reasonOf, WxError } from '../core/errors.ts';
import { isObject } from '../core/object.ts';
import { thisClaimant } from '../home/claimant.ts';
import { type Database, openDatabase } from '../sqlite/database.ts';
import { type BackupCounts, type BackupNote, countsOf, filesInBackup, removeDatabase } from './backup.ts';
import { UnlikeBackup, unsealBackup } from './backup-digest.ts';
import { SQLITE_MIGRATIONS } from './schema/sqlite-schema.ts';
import { openFileToMove } from './sqlite-store.ts';
import { asBackup } from './transfer/move-state.ts';
import type { MoveSource } from './transfer/move-store.ts';
import { servedInFile } from './transfer/who-serves.ts';

/** A backup that is open, as the source of a move. */
interface OpenBackup {
  note: BackupNote;
  counts: BackupCounts;
  /** What it has is what was written: its digest says so. */
  hasDigest: boolean;
  movable: MoveSource;
  close(): Promise<void>;
}

/** Opens a copy of a backup, which `copyAt` places; `chunks` is what one that is no file has. Throws WxError. */
export async function openBackup(
  path: string,
  {
    clock,
    chunks,
    copyAt,
  }: Pick<Parameters<typeof openFileToMove>[0], 'clock'> & {
    chunks: AsyncIterable<Uint8Array> | null;
    copyAt(): Promise<string>;
  },
): Promise<OpenBackup> {
  let copy: string | null = null;
  try {
    const { at, hasDigest } = await copyBackup(path, chunks ?? createReadStream(path), async () => {
      copy = await copyAt();
      return copy;
    });
    const { note, counts } = unpack(path, at);
    const claimant = thisClaimant();
    const steps = openFileToMove({ path: at, reserve: `${at}-reserve`, clock, claimant, wait: null });
    const database = openDatabase(at);
    return {
      note,
      counts,
      hasDigest,
      movable: {
        name: asBackup(path),
        dialect: 'sqlite',
        steps,
        logins: { list: async () => note.logins },
        files: filesInBackup(database),
        loginsAt: path,
        served: () => servedInFile(claimant, clock.now(), () => null),
      },
      async close() {
        database.close();
        await steps.close();
        await removeDatabase(at);
      },
    };
  } catch (error) {
    if (copy !== null) await removeDatabase(copy);
    throw error;
  }
}

/** Copies the database in a backup to `at`. Nothing is there before the beginning of the backup is one of a database. */
async function copyBackup(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  copyAt: () => Promise<string>,
): Promise<{ at: string; hasDigest: boolean }> {
  const opened: { at: string; file: FileHandle }[] = [];
  try {
    const { hasDigest } = await unsealBackup(chunks, async (chunk) => {
      const [copy = await openCopy(await copyAt())] = opened;
      opened[0] = copy;
      await copy.file.appendFile(chunk).catch((error) => cannotWrite(copy.at, error));
    });
    const [copy] = opened;
    if (copy === undefined) throw damaged(path, 'it is empty');
    return { at: copy.at, hasDigest };
  } catch (error) {
    if (error instanceof WxError) throw error;
    if (error instanceof UnlikeBackup) throw error.what === null ? noBackup(path) : damaged(path, error.what);
    const kind = hasCode(error, 'ENOENT') ? 'not-found' : 'data';
    throw new WxError(kind, `cannot read ${path}: ${reasonOf(error)}`, {
      hint: `ls -l ${path}`,
      cause: error,
    });
  } finally {
    for (const { file } of opened) await file.close();
  }
}

async function openCopy(at: string): Promise<{ at: string; file: FileHandle }> {
  try {
    return { at, file: await open(at, 'wx', 0o600) };
  } catch (error) {
    return cannotWrite(at, error);
  }
}

function cannotWrite(copy: string, cause: unknown): never {
  throw new WxError('storage', `cannot write ${copy}: ${reasonOf(cause)}`, {
    hint: 'make room on that disk, then try again',
    cause,
  });
}

/** Checks the copy of a backup, and makes a store of it. */
function unpack(path: string, copy: string): Pick<OpenBackup, 'note' | 'counts'> {
  let database: Database | null = null;
  try {
    database = openDatabase(copy);
    if (!database.one("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'backup'"))
      throw noBackup(path);
    const version = Number(database.one('PRAGMA user_version')?.user_version);
    if (version > SQLITE_MIGRATIONS.length) {
      throw new WxError('config', `the backup ${path} was written by a newer wxagent (schema ${version})`, {
        hint: 'npm install -g wxagent@latest',
      });
    }
    const found = database.one('PRAGMA quick_check(1)')?.quick_check;
    if (found !== 'ok') throw damaged(path, String(found));
    const note: unknown = JSON.parse(String(database.one('SELECT note FROM backup')?.note));
    if (!isNote(note)) throw damaged(path, 'it does not say what it has');
    const counts = countsOf(database, note.logins);
    database.exec('DROP TABLE backup');
    return { note, counts };
  } catch (error) {
    if (error instanceof WxError && ['data', 'config'].includes(error.kind)) throw error;
    throw damaged(path, reasonOf(error));
  } finally {
    database?.close();
  }
}

function isNote(value: unknown): value is BackupNote {
  if (!isObject(value)) return false;
  const { madeAt, logins, settings } = value;
  return (
    typeof madeAt === 'string' && isObject(settings) && isObject(logins) && Array.isArray(logins.accounts)
  );
}

function noBackup(path: string): WxError {
  return new WxError('data', `${path} is no backup of wxagent`, { hint: 'wxagent backup <file> writes one' });
}

function damaged(path: string, what: string): WxError {
  return new WxError('data', `the backup ${path} is damaged: ${what}`, { hint: 'restore another backup' });
}
