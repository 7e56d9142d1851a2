import type { Database } from '../../sqlite/database.ts';
import type { MediaKey } from '../port/port.ts';

/** Records the keys that came with files, each under the md5 of its file. */
export function recordMediaKeys(
  database: Database,
  account: string,
  keys: readonly MediaKey[],
  nowMs: number,
): void {
  for (const { md5, key } of keys) {
    database.run(
      'INSERT INTO media_keys (account, md5, key, seen_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      account,
      md5,
      key,
      nowMs,
    );
  }
}

/** The keys that came with files of this md5, oldest first. */
export function mediaKeys(database: Database, { account, md5 }: { account: string; md5: string }): Buffer[] {
  return database
    .all('SELECT key FROM media_keys WHERE account = ? AND md5 = ? ORDER BY seen_at, rowid', account, md5)
    .map((row) => row.key as Buffer);
}

/** Deletes keys first seen before `beforeMs`, at most `limit`. Returns how many. */
export function sweepMediaKeys(database: Database, beforeMs: number, limit: number): number {
  return database.run(
    'DELETE FROM media_keys WHERE rowid IN (SELECT rowid FROM media_keys WHERE seen_at < ? LIMIT ?)',
    beforeMs,
    limit,
  ).changes;
}
