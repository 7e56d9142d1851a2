import { chmod, copyFile, open } from 'node:fs/promises';
import { hasCode, reasonOf, WxError } from '../core/errors.ts';
import { isObject } from '../core/object.ts';
import { claimantId, isClaimantAlive, thisProcess } from '../home/claimant.ts';
import { type Database, openDatabase } from '../sqlite/database.ts';
import { type BackupCounts, type BackupNote, countsOf, filesInBackup, removeDatabase } from './backup.ts';
import type { MoveSource } from './moving/move.ts';
import { servedInFile } from './moving/served.ts';
import { asBackup } from './moving/whereabouts.ts';
import { SQLITE_MIGRATIONS } from './schema/sqlite-schema.ts';
import { openFileToMove } from './sqlite-store.ts';

/** A backup that is open, as the source of a move. */
interface OpenBackup {
  note: BackupNote;
  counts: BackupCounts;
  movable: MoveSource;
  close(): Promise<void>;
}

const MAGIC = 'SQLite format 3\0';
/** Where the header of an SQLite file has the size of a page, and how many there are. */
const HEADER = { bytes: 100, pageSize: 16, pages: 28 };

/** Looks at a file from outside. Throws WxError `not-found`, or `data` for one that is no backup, or has lost its end. */
export async function checkBackup(path: string): Promise<void> {
  let size: number;
  const header = Buffer.alloc(HEADER.bytes);
  try {
    const file = await open(path, 'r');
    try {
      size = (await file.stat()).size;
      await file.read(header, 0, HEADER.bytes, 0);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new WxError(
      hasCode(cause, 'ENOENT') ? 'not-found' : 'data',
      `cannot read ${path}: ${reasonOf(cause)}`,
      {
        hint: `ls -l ${path}`,
        cause,
      },
    );
  }
  if (header.toString('latin1', 0, MAGIC.length) !== MAGIC) throw noBackup(path);
  const pageSize = header.readUInt16BE(HEADER.pageSize);
  const whole = (pageSize === 1 ? 65_536 : pageSize) * header.readUInt32BE(HEADER.pages);
  if (size < whole) throw damaged(path, `it has ${size} of ${whole} bytes`);
}

/** Opens a copy of a backup, at `copy`: the backup itself stays as it is. Throws WxError. */
export async function openBackup(
  path: string,
  copy: string,
  { clock }: Pick<Parameters<typeof openFileToMove>[0], 'clock'>,
): Promise<OpenBackup> {
  try {
    await copyBackup(path, copy);
    const { note, counts } = unpack(path, copy);
    const claimant = { id: claimantId(thisProcess()), isAlive: isClaimantAlive };
    const steps = openFileToMove({ path: copy, reserve: `${copy}-reserve`, clock, claimant, wait: null });
    const database = openDatabase(copy);
    return {
      note,
      counts,
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
        await removeDatabase(copy);
      },
    };
  } catch (error) {
    await removeDatabase(copy);
    throw error;
  }
}

async function copyBackup(path: string, copy: string): Promise<void> {
  try {
    await copyFile(path, copy);
    await chmod(copy, 0o600);
  } catch (cause) {
    throw new WxError('storage', `cannot write ${copy}: ${reasonOf(cause)}`, {
      hint: 'make room on that disk, then try again',
      cause,
    });
  }
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
