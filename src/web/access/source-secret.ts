import { hkdfSync } from 'node:crypto';
import { WxError } from '../../core/errors.ts';
import { KEY_BYTES, openText, sealText } from '../../core/sealed-text.ts';

/** The longest secret of a source. */
const MOST_CHARS = 1_000;

const HINT = 'openssl rand -hex 32';

/**
 * Encrypts the secret of a source with its token. The store has the SHA-256 of the token only, so nobody reads the secret
 * there, nor in a backup; who pushes brings what opens it. Throws WxError `usage` for what is no secret.
 */
export function sealSecret(token: string, name: string, secret: string): string {
  if (secret === '') throw new WxError('usage', 'the secret is empty', { hint: HINT });
  if (secret.length > MOST_CHARS)
    throw new WxError('usage', `the secret has ${secret.length} characters, and may have ${MOST_CHARS}`, {
      hint: HINT,
    });
  if (/\p{Cc}/u.test(secret))
    throw new WxError('usage', 'the secret has an end of line, or another control character', { hint: HINT });
  return sealText(keyOf(token), boundTo(name), secret);
}

/** The secret of a source. Throws WxError `storage` when it was changed in the store. */
export function openSecret(token: string, name: string, sealed: string): string {
  const secret = openText(keyOf(token), boundTo(name), sealed);
  if (secret !== null) return secret;
  throw new WxError('storage', `the secret of the source ${name} was changed in the store`, {
    hint: 'wxagent source add <name> --secret -',
  });
}

function keyOf(token: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', token, '', 'wxagent secret of a source', KEY_BYTES));
}

function boundTo(name: string): string[] {
  return ['wxagent', 'source', name];
}
