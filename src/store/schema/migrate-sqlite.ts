import { WxError } from '../../core/errors.ts';
import { type Database, transaction } from '../../sqlite/database.ts';
import { SQLITE_MIGRATIONS } from './sqlite-schema.ts';

/** How long the start of the program may block for another process that migrates. */
const MIGRATION_WAIT_MS = 5_000;

/** Throws WxError `config` for a database of another program, in which nothing is to be written. */
export function checkIsOurs(database: Database, path: string): void {
  const tables = database.one(
    "SELECT count(*) AS n, sum(name = 'inbox') AS ours, sum(name = 'backup') AS backups FROM sqlite_master WHERE type = 'table'",
  );
  if (tables?.ours === 1 && tables.backups === 1) {
    throw new WxError('config', `${path} is a backup, and no store`, { hint: `wxagent restore ${path}` });
  }
  if (tables?.n === 0 || tables?.ours === 1) return;
  throw new WxError('config', `the database ${path} is that of another program`, {
    hint: '--store <a new file>',
  });
}

/** Migrates a database to the newest schema. Throws WxError `config` (78) for one written by a newer wxagent. */
export function migrate(database: Database, path: string): void {
  if (isNewest(database, path)) return;
  const before = Number(database.one('PRAGMA busy_timeout')?.timeout);
  database.exec(`PRAGMA busy_timeout=${MIGRATION_WAIT_MS}`);
  try {
    transaction(database, () => {
      // Checked again under the lock: another process may have migrated meanwhile.
      if (isNewest(database, path)) return;
      for (const sql of SQLITE_MIGRATIONS.slice(versionOf(database))) database.exec(sql);
      database.exec(`PRAGMA user_version=${SQLITE_MIGRATIONS.length}`);
    });
  } finally {
    database.exec(`PRAGMA busy_timeout=${before}`);
  }
}

function isNewest(database: Database, path: string): boolean {
  const version = versionOf(database);
  if (version <= SQLITE_MIGRATIONS.length) return version === SQLITE_MIGRATIONS.length;
  throw newerSchema(path, version);
}

export function newerSchema(place: string, version: number): WxError {
  return new WxError('config', `the database ${place} was written by a newer wxagent (schema ${version})`, {
    hint: 'npm install -g wxagent@latest',
  });
}

function versionOf(database: Database): number {
  return Number(database.one('PRAGMA user_version')?.user_version ?? 0);
}
