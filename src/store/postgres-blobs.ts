import { createHash } from 'node:crypto';
import { WxError } from '../core/errors.ts';
import { atMostEvery, type Clock } from '../core/time/clock.ts';
import type { StepRunner } from '../sql/step-runner.ts';
import { discardBlob, emptyBlob, removeBlobs, staleBlobs } from './outbox/blob-removal.ts';
import {
  appendChunk,
  beginBlob,
  blobPath,
  CHUNK_BYTES,
  endBlob,
  isWhole,
  newBlobPath,
  readChunk,
  touchBlob,
} from './outbox/blob-rows.ts';
import type { Blobs } from './port/port.ts';
import type { MovableFiles } from './transfer/copy-files.ts';

/** How often a process looks for blobs that nobody needs. */
const SWEEP_EVERY_MS = 10 * 60_000;

/**
 * The blobs of a server. What is done to one blob is done under its own name: the steps of its account do not wait. A
 * chunk whose connection was lost is written or read again by itself, not the blob.
 */
export function createPostgresBlobs(
  { run, read }: Pick<StepRunner, 'run' | 'read'>,
  clock: Pick<Clock, 'monotonic'>,
): Blobs {
  const isSweepDue = atMostEvery(SWEEP_EVERY_MS, clock);

  async function remove(account: string, paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return;
    for (const path of await run(account, () => removeBlobs(account, paths))) {
      while (await run(path, () => emptyBlob(path)));
    }
  }

  return {
    async put(account, chunks, path = newBlobPath()) {
      const md5 = createHash('md5');
      let sizeBytes = 0;
      let n = 0;
      await run(path, function* () {
        yield* beginBlob(path, account);
      });
      try {
        for await (const chunk of inChunks(chunks)) {
          md5.update(chunk);
          sizeBytes += chunk.length;
          const number = n++;
          await run(path, () => appendChunk(path, number, chunk));
        }
        const blob = { path, sizeBytes, md5: md5.digest('hex') };
        await run(path, () => endBlob(blob));
        return blob;
      } catch (error) {
        // Where the server is lost, a sweep removes it.
        await remove(account, [path]).catch(() => {});
        throw error;
      }
    },
    newPath: newBlobPath,
    async *read({ path, sizeBytes }) {
      for (let n = 0; n * CHUNK_BYTES < sizeBytes; n++) {
        const chunk = await read(() => readChunk(path, n));
        if (chunk?.length !== Math.min(CHUNK_BYTES, sizeBytes - n * CHUNK_BYTES))
          throw new WxError('data', 'it is not in the database any more, or not whole');
        yield chunk;
      }
    },
    async readAt(path, position, length) {
      const pieces: Buffer[] = [];
      for (let at = position; at < position + length; ) {
        const n = Math.floor(at / CHUNK_BYTES);
        const from = at - n * CHUNK_BYTES;
        const piece = (await read(() => readChunk(path, n)))?.subarray(from, from + position + length - at);
        if (!piece?.length) break;
        pieces.push(piece);
        at += piece.length;
      }
      return Buffer.concat(pieces);
    },
    remove,
    async touch(account, paths) {
      if (paths.length === 0) return;
      await run(account, function* () {
        for (const path of paths) yield* touchBlob(path);
      });
    },
    async sweep() {
      if (!isSweepDue()) return;
      for (const [account, paths] of await read(staleBlobs)) await remove(account, paths);
    },
  };
}

/** Files to be sent, for a move. */
export function createMovableBlobs(steps: StepRunner, clock: Pick<Clock, 'monotonic'>): MovableFiles {
  const blobs = createPostgresBlobs(steps, clock);
  return {
    pathOf: (_, id) => blobPath(id),
    has: ({ path, sizeBytes }) => steps.read(() => isWhole(path, sizeBytes)),
    read: ({ path, sizeBytes }) => blobs.read({ path, sizeBytes: sizeBytes ?? 0 }),
    async put(account, path, chunks) {
      await steps.run(path, function* () {
        yield* discardBlob(path);
      });
      while (await steps.run(path, () => emptyBlob(path)));
      await blobs.put(account, chunks, path);
    },
  };
}

/** A stream in chunks of {@link CHUNK_BYTES}, the last one shorter. All share one buffer: each is good until the next. */
async function* inChunks(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let filled = 0;
  for await (const piece of stream) {
    for (let at = 0; at < piece.length; ) {
      const taken = piece.subarray(at, at + CHUNK_BYTES - filled);
      buffer.set(taken, filled);
      at += taken.length;
      filled += taken.length;
      if (filled < CHUNK_BYTES) continue;
      yield buffer;
      filled = 0;
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}
