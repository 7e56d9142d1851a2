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

/** Size of the ciphertext of `plainBytes`: always larger, a whole number of 16 (protocol 5.3). */
export function encryptedSize(plainBytes: number): number {
  return (Math.floor(plainBytes / 16) + 1) * 16;
}

/** `media.aes_key` of everything we send: base64 of the 32 hex characters (protocol 5.3). */
export function encodeMediaKey(key: Uint8Array): string {
  return Buffer.from(Buffer.from(key).toString('hex'), 'ascii').toString('base64');
}

/**
 * The 16 bytes behind any form of key seen on the wire: base64 of 16 bytes,
 * base64 of 32 hex characters, or the bare 32 hex characters (protocol 5.3).
 * null when it is none of them.
 */
export function decodeMediaKey(text: string): Buffer | null {
  if (/^[0-9a-fA-F]{32}$/.test(text)) return Buffer.from(text, 'hex');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === 16) return bytes;
  const inner = bytes.toString('ascii');
  return /^[0-9a-fA-F]{32}$/.test(inner) ? Buffer.from(inner, 'hex') : null;
}
