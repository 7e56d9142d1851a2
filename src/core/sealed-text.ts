import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** How long a key is. */
export const KEY_BYTES = 32;

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts a text, in base64url. What it is bound to opens it again, and nothing else: it is worth nothing in another row. */
export function sealText(key: Uint8Array, boundTo: readonly string[], text: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(JSON.stringify(boundTo)));
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
    'base64url',
  );
}

/** What {@link sealText} has encrypted; null: with another key, for something else, or it was changed. */
export function openText(key: Uint8Array, boundTo: readonly string[], sealed: string): string | null {
  const bytes = Buffer.from(sealed, 'base64url');
  // The decoder passes over what it does not know: only what we would write is ours.
  if (bytes.toString('base64url') !== sealed || bytes.length < NONCE_BYTES + TAG_BYTES) return null;
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(JSON.stringify(boundTo))).setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}
