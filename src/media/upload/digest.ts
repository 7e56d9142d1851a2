import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { fileChunks } from './file-chunks.ts';

/** What the server is told of a file before it is uploaded (protocol 5.1). */
export interface Digest {
  sizeBytes: number;
  /** Hex, lower case. */
  md5: string;
}

/** Reads all chunks once; each is handed on to `write`, and the next is read when that has resolved. */
export async function digestOf(
  chunks: AsyncIterable<Uint8Array>,
  write?: (chunk: Uint8Array) => Promise<unknown>,
): Promise<Digest> {
  const md5 = createHash('md5');
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    md5.update(chunk);
    sizeBytes += chunk.length;
    await write?.(chunk);
  }
  return { sizeBytes, md5: md5.digest('hex') };
}

/** The digest of a file. Rejects when it cannot be read. */
export async function digestOfFile(path: string): Promise<Digest> {
  const file = await open(path);
  try {
    return await digestOf(fileChunks(file));
  } finally {
    await file.close();
  }
}

/** The digest of what lies in memory. */
export function digestOfBytes(bytes: Uint8Array): Digest {
  return { sizeBytes: bytes.length, md5: createHash('md5').update(bytes).digest('hex') };
}
