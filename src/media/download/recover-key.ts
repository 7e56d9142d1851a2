import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { BLOCK_BYTES, decryptMedia } from '../cipher.ts';
import type { Decrypted, PlainFile } from './decrypting.ts';
import { writeAll } from './disk-writer.ts';
import type { FailedFetch } from './port.ts';
import { startMd5 } from './running-md5.ts';

/** A file that was decrypted with the first of `keys`, and what must come out of it. */
export interface FirstTry {
  file: FileHandle;
  plain: PlainFile;
  keys: readonly Buffer[];
  encryptedBytes: number;
  wantsMd5: boolean;
  /** What the message tells; null: nothing. */
  sizeBytes: number | null;
  md5: string | null;
}

const WRONG_KEY: FailedFetch = {
  ok: false,
  failure: 'wrong-key',
  detail:
    'cannot decrypt the file: WeChat kept an older key for it. Ask the sender to zip it and send it again',
};

/** Ends a file and checks it; when its key was the wrong one, looks for the right one and decrypts it with that. A file sent twice has a new key for the old blob (protocol 5.3). */
export async function recoverKey(tried: FirstTry): Promise<Decrypted | FailedFetch> {
  const { file, plain, keys, wantsMd5 } = tried;
  const first = await plain.end();
  let verdict = first.isPadded ? check(first, tried) : WRONG_KEY;
  let [from] = keys;
  const lastBlock = plain.lastBlock();
  for (const to of keys.slice(1)) {
    if (verdict === null || !from) break;
    const end = openLastBlock(lastBlock, to);
    if (end === null) continue;
    const bodyBytes = tried.encryptedBytes - BLOCK_BYTES;
    const changed = await changeKey(file, { from, to, bodyBytes, end, wantsMd5 });
    from = to;
    verdict = check(changed, tried);
    if (verdict === null) return changed;
  }
  return verdict ?? first;
}

/** What contradicts the message; null: nothing. */
function check({ sizeBytes, md5 }: Decrypted, told: Pick<FirstTry, 'sizeBytes' | 'md5'>): FailedFetch | null {
  const flaw = (detail: string): FailedFetch => ({ ok: false, failure: 'damaged', detail });
  if (told.sizeBytes !== null && sizeBytes !== told.sizeBytes) {
    return flaw(
      `the file differs from what was sent: ${sizeBytes} bytes, where the message tells ${told.sizeBytes}`,
    );
  }
  if (told.md5 !== null && md5 !== told.md5) {
    return flaw('the file differs from what was sent: its md5 is not that of the message');
  }
  return null;
}

const CHUNK_BYTES = 1024 * 1024;

/** What the last block holds under this key, without its padding; null: the padding shows that it is not the key. */
function openLastBlock(lastBlock: Buffer, key: Buffer): Buffer | null {
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
async function changeKey(
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
