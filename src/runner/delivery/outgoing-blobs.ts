import type { FileHandle } from 'node:fs/promises';
import { shownAsBytes } from '../../media/kind/shown-as.ts';
import { digestOfBytes } from '../../media/upload/digest.ts';
import { fileChunks } from '../../media/upload/file-chunks.ts';
import type { Blobs, PartFile } from '../../store/port/port.ts';
import { type Outgoing, shownName } from './outgoing-files.ts';
import { openSource, watchSource } from './source-file.ts';

/** Keeps the copies of an account in its database, so that each process that delivers has them. */
export function createOutgoingBlobs(account: string, blobs: Blobs): Outgoing {
  const pinned = new Set<string>();

  async function keep(chunks: AsyncIterable<Uint8Array>, name: string): Promise<PartFile> {
    const blob = await blobs.put(account, chunks);
    const { path, sizeBytes } = blob;
    const readAt = (position: number, length: number): Promise<Buffer> =>
      blobs.readAt(path, position, Math.min(length, sizeBytes - position));
    return { ...blob, name: shownName(name), kind: await shownAsBytes({ sizeBytes, readAt }, name) };
  }

  return {
    keepText(text, name) {
      const content = Buffer.from(text, 'utf8');
      const path = blobs.newPath();
      return { path, name: shownName(name), kind: 'file', ...digestOfBytes(content), content };
    },
    async keepCopy(source, name, maxBytes) {
      const from = await openSource(source, maxBytes);
      try {
        const check = await watchSource(from, source);
        return await keep(checkedChunks(from, check), name);
      } finally {
        await from.close();
      }
    },
    keepStream: keep,
    async open({ path, sizeBytes }) {
      const blob = { path, sizeBytes: sizeBytes ?? 0 };
      return { chunks: () => blobs.read(blob), async close() {} };
    },
    discard: (_, paths) => blobs.remove(account, paths),
    pin({ path }) {
      pinned.add(path);
      return () => void pinned.delete(path);
    },
    async sweep() {
      await blobs.touch(account, [...pinned]);
      await blobs.sweep();
    },
  };
}

/** The chunks of an open file, and in the end a check with the number of its bytes. */
async function* checkedChunks(
  file: FileHandle,
  check: (readBytes: number) => Promise<void>,
): AsyncGenerator<Buffer, void, undefined> {
  let readBytes = 0;
  for await (const chunk of fileChunks(file)) {
    readBytes += chunk.length;
    yield chunk;
  }
  await check(readBytes);
}
