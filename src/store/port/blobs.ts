import type { PartFile } from './outbox.ts';

/** A blob that is whole, as a part has it. */
export type StoredBlob = Pick<PartFile, 'path'> & { sizeBytes: number; md5: string };

/**
 * The bytes of files to be sent, where they lie in the database: whichever process delivers an account has them. Of a
 * blob only a chunk is in memory at a time, and each chunk is a transaction of its own.
 */
export interface Blobs {
  /** Stores a stream as a blob, which no part may name before. Nothing is left when this rejects or is killed. */
  put(account: string, chunks: AsyncIterable<Uint8Array>, path?: string): Promise<StoredBlob>;
  /** The path of a text that is to be stored with its part (`PartFile.content`). */
  newPath(): string;
  /** Reads a blob in chunks. Throws WxError `data` if it is gone or not whole. */
  read(blob: Pick<StoredBlob, 'path' | 'sizeBytes'>): AsyncGenerator<Buffer, void, undefined>;
  /** The bytes of a blob from this position: at most so many, and none behind its end. */
  readAt(path: string, position: number, length: number): Promise<Buffer>;
  /** Removes those blobs of an account that no part needs, nor one that `retry --expired` would queue again. */
  remove(account: string, paths: readonly string[]): Promise<void>;
  /** Keeps blobs from a sweep for another hour, though no part names them yet. */
  touch(account: string, paths: readonly string[]): Promise<void>;
  /** Removes what no part of any account needs, and was not written to for an hour. A process does so every ten minutes. */
  sweep(): Promise<void>;
}
