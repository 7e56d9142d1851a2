import { createCipheriv } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { WxError } from '../../core/errors.ts';
import { fileChunks } from './file-chunks.ts';

/**
 * The ciphertext of an open file, made while it is read (protocol 5.3): `encryptedSize(sizeBytes)` bytes, of which
 * only a chunk is in memory. `sizeBytes` is how long the file was when that was promised to others; throws WxError
 * `data` as soon as it turns out to be longer or shorter.
 */
export async function* encryptedChunks(
  file: FileHandle,
  sizeBytes: number,
  key: Uint8Array,
): AsyncGenerator<Buffer, void, undefined> {
  const cipher = createCipheriv('aes-128-ecb', key, null);
  let readBytes = 0;
  for await (const chunk of fileChunks(file)) {
    readBytes += chunk.length;
    if (readBytes > sizeBytes) break;
    const encrypted = cipher.update(chunk);
    if (encrypted.length > 0) yield encrypted;
  }
  if (readBytes !== sizeBytes) {
    const now = readBytes < sizeBytes ? 'shorter' : 'longer';
    throw new WxError('data', `it has become ${now} than the ${sizeBytes} bytes it had`);
  }
  yield cipher.final();
}
