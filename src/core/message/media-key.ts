/** The forms in which the wire writes the key to a blob of the CDN (protocol 5.3). */

/** `media.aes_key` of everything we send: base64 of the 32 hex characters (protocol 5.3). */
export function encodeMediaKey(key: Uint8Array): string {
  return Buffer.from(Buffer.from(key).toString('hex'), 'ascii').toString('base64');
}

/** The 16 bytes of a key: base64 of them, of their hex, or bare hex (protocol 5.3). null: none of these. */
export function decodeMediaKey(text: string): Buffer | null {
  if (/^[0-9a-fA-F]{32}$/.test(text)) return Buffer.from(text, 'hex');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === 16) return bytes;
  const inner = bytes.toString('ascii');
  return /^[0-9a-fA-F]{32}$/.test(inner) ? Buffer.from(inner, 'hex') : null;
}

/** The keys without those that came before. */
export function distinctKeys(keys: readonly Buffer[]): Buffer[] {
  return keys.filter((key, index) => keys.findIndex((other) => other.equals(key)) === index);
}
