import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { decryptMedia } from '../cipher.ts';
import { writeAll } from './disk-writer.ts';
import type { Decrypted } from './plain-file.ts';
import { startMd5 } from './running-md5.ts';

const CHUNK_BYTES = 1024 * 1024;

/** What the last block holds under this key, without its padding; null: the padding shows that it is not the key. */
export function openLastBlock(lastBlock: Buffer, key: Buffer): Buffer | null {
  try {
    return decryptMedia(lastBlock, key);
  } catch {
    return null;
  }
}

/**
 * Turns a file that was decrypted with a wrong key into what another key makes of it, in place: what one key has
 * made of a block, the same key undoes, so nothing need be fetched again. `bodyBytes` are the bytes of all blocks
 * but the last, `end` what the last one holds under the new key.
 */
export async function changeKey(
  file: FileHandle,
  options: { from: Buffer; to: Buffer; bodyBytes: number; end: Buffer; wantsMd5: boolean },
): Promise<Decrypted> {
  const { bodyBytes, end } = options;
  const cipher = createCipheriv('aes-128-ecb', options.from, null).setAutoPadding(false);
  const decipher = createDecipheriv('aes-128-ecb', options.to, null).setAutoPadding(false);
  const sizeBytes = bodyBytes + end.length;
  const md5 = options.wantsMd5 ? startMd5(file.fd) : null;
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  try {
    let writtenBytes = 0;
    for (let readBytes = 0; readBytes < bodyBytes; ) {
      const wanted = Math.min(buffer.length, bodyBytes - readBytes);
      const { bytesRead } = await file.read(buffer, 0, wanted, readBytes);
      if (bytesRead === 0) throw new Error('the file has become shorter');
      readBytes += bytesRead;
      const plain = decipher.update(cipher.update(buffer.subarray(0, bytesRead)));
      await writeAll(file, [plain], writtenBytes);
      writtenBytes += plain.length;
      md5?.add(plain);
      md5?.written(writtenBytes);
    }
    await file.truncate(bodyBytes);
    await writeAll(file, [end], bodyBytes);
    md5?.add(end);
    return { isPadded: true, sizeBytes, md5: md5 && (await md5.digest(sizeBytes)) };
  } finally {
    await md5?.end();
  }
}
