import type { FileHandle } from 'node:fs/promises';
import { BLOCK_BYTES } from '../cipher.ts';
import { changeKey, openLastBlock } from './other-key.ts';
import type { Decrypted, PlainFile } from './plain-file.ts';
import type { FailedFetch } from './port.ts';

/** A file that was decrypted with the first of `keys`, and what must come out of it. */
export interface Locked {
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

/**
 * Finds the key that opens a file, and leaves the file as that key makes it. A user who sends the same file twice
 * names a new key for the old blob, so the first one tried need not be it (protocol 5.3).
 */
export async function unlock(locked: Locked): Promise<Decrypted | FailedFetch> {
  const { file, plain, keys, wantsMd5 } = locked;
  const first = await plain.end();
  let verdict = first.isPadded ? check(first, locked) : WRONG_KEY;
  let [from] = keys;
  const lastBlock = plain.lastBlock();
  for (const to of keys.slice(1)) {
    if (verdict === null || !from) break;
    const end = openLastBlock(lastBlock, to);
    if (end === null) continue;
    const bodyBytes = locked.encryptedBytes - BLOCK_BYTES;
    const changed = await changeKey(file, { from, to, bodyBytes, end, wantsMd5 });
    from = to;
    verdict = check(changed, locked);
    if (verdict === null) return changed;
  }
  return verdict ?? first;
}

/** What contradicts the message; null: nothing. */
function check({ sizeBytes, md5 }: Decrypted, told: Pick<Locked, 'sizeBytes' | 'md5'>): FailedFetch | null {
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
