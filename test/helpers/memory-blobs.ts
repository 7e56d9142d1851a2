import { createHash, randomUUID } from 'node:crypto';
import type { Blobs } from '../../src/store/port/port.ts';

/** Blobs without a database. `contents` has them by their paths; no part needs any. */
export function createMemoryBlobs(): Blobs & { contents: Map<string, Buffer> } {
  const contents = new Map<string, Buffer>();
  const newPath = (): string => `blob:${randomUUID()}`;
  return {
    contents,
    newPath,
    async put(_, chunks) {
      const copies: Buffer[] = [];
      for await (const chunk of chunks) copies.push(Buffer.from(chunk));
      const bytes = Buffer.concat(copies);
      const path = newPath();
      contents.set(path, bytes);
      return { path, sizeBytes: bytes.length, md5: createHash('md5').update(bytes).digest('hex') };
    },
    async *read({ path }) {
      yield contents.get(path) ?? Buffer.alloc(0);
    },
    readAt: async (path, position, length) =>
      contents.get(path)?.subarray(position, position + length) ?? Buffer.alloc(0),
    async remove(_, paths) {
      for (const path of paths) contents.delete(path);
    },
    async touch() {},
    async sweep() {},
  };
}
