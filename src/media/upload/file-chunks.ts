import type { FileHandle } from 'node:fs/promises';

/** Bytes read at a time. Measured on loopback, file to cipher to POST: 64 KiB 700 MB/s, 256 KiB 1,000. */
const CHUNK_BYTES = 256 * 1024;

/** Reads an open file from its beginning. All chunks share one buffer: each is good until the next is asked for. */
export async function* fileChunks(file: FileHandle): AsyncGenerator<Buffer, void, undefined> {
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
