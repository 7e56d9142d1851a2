import { WxError } from '../../core/errors.ts';
import { newUuid } from '../../core/ids.ts';
import { one, run, type Statement, type Step, together } from '../../sql/statement.ts';
import type { PartFile, StoredBlob } from '../port/port.ts';
import { NOW } from '../workers/worker-rows.ts';

export const CHUNK_BYTES = 256 * 1024;

/** The path of a blob that nobody has written yet; no file of a home has one like it. */
export function newBlobPath(): string {
  return blobPath(newUuid());
}

export function blobPath(id: string): string {
  return `blob:${id}`;
}

/** Whether a blob is whole; null: of any size. */
export function* isWhole(path: string, sizeBytes: number | null): Step<boolean> {
  const found = yield* one('SELECT size_bytes FROM blobs WHERE blob = ? AND removed = 0', path);
  const size = found?.size_bytes ?? null;
  return size !== null && (sizeBytes === null || size === sizeBytes);
}

/** Begins a blob. It has no size until it is whole. */
export function beginBlob(path: string, account: string): Statement<number> {
  return run(`INSERT INTO blobs (blob, account, written_at) VALUES (?, ?, ${NOW})`, path, account);
}

const ALIVE = 'WHERE blob = ? AND removed = 0';

/** Keeps a blob from being swept: 0 rows when it is removed. */
export function touchBlob(path: string): Statement<number> {
  return run(`UPDATE blobs SET written_at = ${NOW} ${ALIVE}`, path);
}

function insertChunk(path: string, n: number, bytes: Uint8Array): Statement<number> {
  return run('INSERT INTO blob_chunks (blob, n, bytes) VALUES (?, ?, ?)', path, n, bytes);
}

/** Appends a chunk. The row of the blob is written first, so that no sweep removes the blob beside it. */
export function* appendChunk(path: string, n: number, bytes: Uint8Array): Step<void> {
  const [alive] = yield* together(touchBlob(path), insertChunk(path, n, bytes));
  if (alive === 0) throw removed();
}

/** Makes a blob whole. */
export function* endBlob({ path, sizeBytes, md5 }: StoredBlob): Step<void> {
  const alive = yield* run(
    `UPDATE blobs SET size_bytes = ?, md5 = ?, written_at = ${NOW} ${ALIVE}`,
    ...[sizeBytes, md5, path],
  );
  if (alive === 0) throw removed();
}

function removed(): WxError {
  return new WxError('storage', 'what was stored of the file was removed meanwhile', {
    hint: 'send it again',
  });
}

/** Stores the bytes that files have with them in the step that queues their parts. Most have none. */
export function* storeContents(account: string, files: readonly (PartFile | null)[]): Step<void> {
  for (const file of files) {
    if (!file?.content) continue;
    const { path, content, sizeBytes, md5 } = file;
    const count = Math.ceil(content.length / CHUNK_BYTES);
    const chunks = Array.from({ length: count }, (_, n) =>
      content.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES),
    );
    yield* together(
      run(
        `INSERT INTO blobs (blob, account, size_bytes, md5, written_at) VALUES (?, ?, ?, ?, ${NOW})`,
        ...[path, account, sizeBytes, md5],
      ),
      ...chunks.map((chunk, n) => insertChunk(path, n, chunk)),
    );
  }
}

/** One chunk; undefined: there is none of this number. */
export function* readChunk(path: string, n: number): Step<Buffer | undefined> {
  return (yield* one('SELECT bytes FROM blob_chunks WHERE blob = ? AND n = ?', path, n))?.bytes as
    | Buffer
    | undefined;
}
