import { createHash } from 'node:crypto';
import { WxError } from '../../core/errors.ts';
import { KEY_BYTES, openText, sealText } from '../../core/sealed-text.ts';

/** A text that only who has the key can read, or make. */
export interface Sealing {
  /** There is a key to encrypt with. */
  readonly isEncrypting: boolean;
  /** There is one, or the word to do without. */
  readonly canSeal: boolean;
  /** There is a key to decrypt with. */
  readonly isDecrypting: boolean;
  /** Throws WxError `config` when there is neither a key nor the word to do without. */
  check(): void;
  /** Seals a text for an account. Throws what {@link check} does. */
  seal(account: string, text: string): string;
  /** Whether the first key need not seal it anew; nothing is decrypted. Throws WxError `config` when that of it is missing. */
  isCurrent(account: string, sealed: string): boolean;
  /** Opens what was sealed for this account. Throws WxError `config`. */
  open(account: string, sealed: string): string;
}

/** What decides how logins are kept in a database. */
export interface SealingOptions {
  /** `WXAGENT_STORE_KEY`: one key, or two with a comma between them, of which the first one seals. */
  keys: string | undefined;
  /** `WXAGENT_STORE_KEY_OLD`: keys that only open. */
  oldKeys: string | undefined;
  /** `--store-plaintext`. */
  isPlaintext: boolean;
}

/** What a text begins with that is sealed, and one that is not. */
const SEALED = 'v1';
const PLAIN = 'plain';

interface Key {
  /** Tells keys apart, and nothing about them. */
  id: string;
  bytes: Buffer;
}

/** Throws WxError `config` for what is not a key. */
export function createSealing({ keys, oldKeys, isPlaintext }: SealingOptions): Sealing {
  const sealing = keysOf('WXAGENT_STORE_KEY', keys);
  const known = [...sealing, ...keysOf('WXAGENT_STORE_KEY_OLD', oldKeys)];
  const [first] = sealing;
  if (first && isPlaintext) {
    throw new WxError('config', 'WXAGENT_STORE_KEY and --store-plaintext exclude each other', {
      hint: 'to read what was encrypted, name its key as WXAGENT_STORE_KEY_OLD',
    });
  }

  function check(): void {
    if (first || isPlaintext) return;
    throw new WxError(
      'config',
      'logins are kept in the database: give a key that encrypts them, WXAGENT_STORE_KEY, or say --store-plaintext',
      { hint: 'make a key, and keep it, because without it the logins are lost: openssl rand -base64 32' },
    );
  }

  /** A sealed text, and its key; null: it is plain; undefined: it was changed, or is of a newer version. */
  function parse(account: string, sealed: string): { key: Key | null | undefined; body: string } {
    if (sealed.startsWith(`${PLAIN}.`)) return { key: null, body: sealed.slice(PLAIN.length + 1) };
    const [version, id, body = '', ...more] = sealed.split('.');
    if (version !== SEALED || id === undefined || more.length > 0) return { key: undefined, body };
    if (known.length === 0) throw keyMissing(account);
    const key = known.find((one) => one.id === id);
    if (!key) throw keyDiffers(account);
    return { key, body };
  }

  return {
    isEncrypting: first !== undefined,
    canSeal: first !== undefined || isPlaintext,
    isDecrypting: known.length > 0,
    check,
    seal(account, text) {
      check();
      return first
        ? [SEALED, first.id, sealText(first.bytes, boundTo(first, account), text)].join('.')
        : `${PLAIN}.${text}`;
    },
    isCurrent(account, sealed) {
      const { key } = parse(account, sealed);
      return key === undefined || key === (first ?? null);
    },
    open(account, sealed) {
      const { key, body } = parse(account, sealed);
      const text = key === null ? body : key && openText(key.bytes, boundTo(key, account), body);
      if (typeof text !== 'string') throw unreadable(account);
      return text;
    },
  };
}

/** A sealed text is worth nothing in another row, or under another version. */
function boundTo(key: Key, account: string): string[] {
  return ['wxagent', SEALED, key.id, account];
}

function keysOf(name: string, text = ''): Key[] {
  const written = text.split(',').map((one) => one.trim());
  if (written.length === 1 && written[0] === '') return [];
  return written.map((one) => {
    // Base64, of URLs too, with its padding or without; the decoder itself would take anything.
    const isBase64 = /^[A-Za-z0-9+/_-]+={0,2}$/.test(one);
    const bytes = isBase64 ? Buffer.from(one, 'base64') : Buffer.alloc(0);
    if (bytes.length === KEY_BYTES && one.replace(/=+$/, '').length === 43)
      return {
        id: createHash('sha256').update('wxagent key\0').update(bytes).digest('hex').slice(0, 8),
        bytes,
      };
    const detail = isBase64
      ? `${name} takes a key of ${KEY_BYTES} bytes in base64, and has ${bytes.length} bytes`
      : `${name} takes a key of ${KEY_BYTES} bytes in base64`;
    throw new WxError('config', detail, { hint: 'openssl rand -base64 32' });
  });
}

function keyMissing(account: string): WxError {
  return new WxError('config', `the login of ${account} is encrypted, and WXAGENT_STORE_KEY is not set`, {
    hint: 'set WXAGENT_STORE_KEY to the key it was encrypted with',
  });
}

function keyDiffers(account: string): WxError {
  return new WxError(
    'config',
    `WXAGENT_STORE_KEY does not decrypt the login of ${account}: it is another key`,
    { hint: 'WXAGENT_STORE_KEY=<new key>,<old key> reads both, and encrypts with the new one' },
  );
}

function unreadable(account: string): WxError {
  return new WxError(
    'config',
    `the login of ${account} cannot be decrypted: it was changed in the database, or is of a newer version`,
    { hint: 'restore the row of the table credentials from a backup, or delete it and run: wxagent login' },
  );
}
