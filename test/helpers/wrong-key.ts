import { randomBytes } from 'node:crypto';
import { decryptMedia, encryptMedia } from '../../src/media/cipher.ts';

/** A key that does not open what the other has encrypted, nor the other way round: of random ones, one in 256 seems to. */
export function wrongKeyFor(plain: Uint8Array, key: Buffer): Buffer {
  for (;;) {
    const other = randomBytes(16);
    if (!opens(encryptMedia(plain, key), other) && !opens(encryptMedia(plain, other), key)) return other;
  }
}

/** Whether the key opens it, or seems to: its padding fits. */
export function opens(encrypted: Uint8Array, key: Buffer): boolean {
  try {
    return decryptMedia(encrypted, key).length >= 0;
  } catch {
    return false;
  }
}
