import { all, run, type Step, unawaited } from '../../sql/statement.ts';
import type { MediaKey } from '../port/port.ts';

/** Records the keys that came with files, each under the md5 of its file. */
export function* recordMediaKeys(account: string, keys: readonly MediaKey[], nowMs: number): Step<void> {
  for (const { md5, key } of keys) {
    yield* unawaited(
      run(
        'INSERT INTO media_keys (account, md5, key, seen_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
        ...[account, md5, key, nowMs],
      ),
    );
  }
}

/** The keys that came with files of this md5, oldest first. */
export function* mediaKeys({ account, md5 }: { account: string; md5: string }): Step<Buffer[]> {
  return (yield* all(
    'SELECT key FROM media_keys WHERE account = ? AND md5 = ? ORDER BY seen_at, key',
    account,
    md5,
  )).map((row) => row.key as Buffer);
}

/** Deletes keys first seen before `beforeMs`, at most `limit`. Returns how many. */
export function* sweepMediaKeys(beforeMs: number, limit: number): Step<number> {
  return yield* run(
    `DELETE FROM media_keys WHERE (account, md5, key) IN (
       SELECT account, md5, key FROM media_keys WHERE seen_at < ? LIMIT ?)`,
    beforeMs,
    limit,
  );
}
