import { createDecipheriv, type Decipher } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { BLOCK_BYTES } from '../cipher.ts';
import { createDiskWriter } from './disk-writer.ts';
import { startMd5 } from './running-md5.ts';

/** What a file has become. */
export interface Decrypted {
  /** Whether it ends as it must; a wrong key is noticed by that in 255 of 256 cases. */
  isPadded: boolean;
  sizeBytes: number;
  md5: string | null;
}

/** A file on disk that is given ciphertext and holds the plain bytes. */
export interface PlainFile {
  /** Takes what comes from the CDN; a promise when the disk is behind. Rejects when it fails. */
  write(bytes: Buffer): Promise<void> | null;
  /** All has come: writes what is left. */
  end(): Promise<Decrypted>;
  /** The last block that came, encrypted; shorter when less has come. */
  lastBlock(): Buffer;
  /** Resolves when the file is durable. */
  sync(): Promise<void>;
  /** Resolves when nothing touches the file any more: to be called before it is closed, whatever happened. */
  release(): Promise<void>;
}

/** Writes an open, empty file, decrypted with `key`; null: the bytes as they come. */
export function createPlainFile(
  file: FileHandle,
  options: { key: Buffer | null; wantsMd5: boolean },
): PlainFile {
  const decipher = options.key && createDecipheriv('aes-128-ecb', options.key, null);
  const md5 = options.wantsMd5 ? startMd5(file.fd) : null;
  const disk = createDiskWriter(file, (writtenBytes) => md5?.written(writtenBytes));
  let sizeBytes = 0;
  let tail: Buffer = Buffer.alloc(0);

  function add(plain: Buffer): Promise<void> | null {
    sizeBytes += plain.length;
    md5?.add(plain);
    return disk.add(plain);
  }

  return {
    write(bytes) {
      tail = bytes.length >= BLOCK_BYTES ? bytes : Buffer.concat([tail, bytes]);
      return add(decipher ? decipher.update(bytes) : bytes);
    },
    async end() {
      const rest = decipher ? finalOf(decipher) : Buffer.alloc(0);
      if (rest) await add(rest);
      await disk.flush();
      return { isPadded: rest !== null, sizeBytes, md5: md5 && (await md5.digest(sizeBytes)) };
    },
    lastBlock: () => tail.subarray(-BLOCK_BYTES),
    sync: disk.sync,
    async release() {
      await disk.drain();
      await md5?.end();
    },
  };
}

/** What the last block holds; null when its padding is wrong. */
function finalOf(decipher: Decipher): Buffer | null {
  try {
    return decipher.final();
  } catch {
    return null;
  }
}
