import { all, run, type Statement, type Step } from '../../sql/statement.ts';
import { NOW } from '../workers/worker-rows.ts';
import { neededFiles } from './parts.ts';

/** The most chunks that one step deletes. */
const DELETED_TOGETHER = 64;
/** A blob younger than this may belong to a part that is just being committed. */
const YOUNG_MS = 60 * 60_000;

/** Removes those blobs of an account that no part needs. Returns those of which chunks are left. */
export function* removeBlobs(account: string, paths: readonly string[]): Step<string[]> {
  const needed = yield* neededFiles(account);
  const left: string[] = [];
  for (const path of paths.filter((one) => !needed.has(one))) {
    yield* run('UPDATE blobs SET removed = 1 WHERE blob = ? AND account = ?', path, account);
    if (yield* emptyBlob(path)) left.push(path);
  }
  return left;
}

/** Marks a blob as removed that nobody can need: it is not whole. */
export function discardBlob(path: string): Statement<number> {
  return run('UPDATE blobs SET removed = 1 WHERE blob = ?', path);
}

/** Deletes some chunks of a removed blob, and in the end the blob. Returns whether there are more. */
export function* emptyBlob(path: string): Step<boolean> {
  const deleted = yield* run(
    `DELETE FROM blob_chunks WHERE blob = ?1 AND n IN (SELECT n FROM blob_chunks WHERE blob = ?1 ORDER BY n
       LIMIT ${DELETED_TOGETHER}) AND ?1 IN (SELECT blob FROM blobs WHERE removed = 1)`,
    path,
  );
  if (deleted === DELETED_TOGETHER) return true;
  yield* run('DELETE FROM blobs WHERE blob = ? AND removed = 1', path);
  return false;
}

/** The blobs of all accounts that are to be removed, by their accounts. */
export function* staleBlobs(): Step<Map<string, string[]>> {
  const rows = yield* all(
    `SELECT blob, account FROM blobs WHERE removed = 1 OR written_at < ${NOW} - ${YOUNG_MS} ORDER BY account`,
  );
  const stale = new Map<string, string[]>();
  if (rows.length === 0) return stale;
  const needed = yield* neededFiles(null);
  for (const row of rows) {
    const [path, account] = [row.blob as string, row.account as string];
    if (needed.has(path)) continue;
    stale.set(account, [...(stale.get(account) ?? []), path]);
  }
  return stale;
}
