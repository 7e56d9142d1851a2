import { createCipheriv, createDecipheriv } from 'node:crypto';

/** AES-128-ECB with PKCS#7, as the CDN holds every blob (protocol 5.3). The key is 16 raw bytes. */
export function encryptMedia(plain: Uint8Array, key: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-128-ecb', key, null);
  return Buffer.concat([cipher.update(plain), cipher.final()]);
}

/** The reverse of {@link encryptMedia}; throws when the padding is wrong, which means: the wrong key. */
export function decryptMedia(encrypted: Uint8Array, key: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-128-ecb', key, null);
  return Buffer.concat([decipher.update(encrypted), decipher.final()]);
}

/** Bytes of a block of AES. */
export const BLOCK_BYTES = 16;

/** Size of the ciphertext of `plainBytes`: always larger, a whole number of 16 (protocol 5.3). */
export function encryptedSize(plainBytes: number): number {
  return (Math.floor(plainBytes / BLOCK_BYTES) + 1) * BLOCK_BYTES;
}
