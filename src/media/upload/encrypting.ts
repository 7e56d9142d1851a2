import { createCipheriv } from 'node:crypto';
import { WxError } from '../../core/errors.ts';

/**
 * The ciphertext of a file, a chunk at a time: `encryptedSize(sizeBytes)` bytes (protocol 5.3). Throws WxError `data`
 * as soon as the file turns out to be longer or shorter.
 */
export async function* encryptedChunks(
  chunks: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  key: Uint8Array,
): AsyncGenerator<Buffer, void, undefined> {
  const cipher = createCipheriv('aes-128-ecb', key, null);
  let readBytes = 0;
  for await (const chunk of chunks) {
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
