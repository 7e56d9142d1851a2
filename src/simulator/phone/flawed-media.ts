import { createCipheriv, createDecipheriv } from 'node:crypto';
import { WxError } from '../../core/errors.ts';
import { BLOCK_BYTES } from '../../media/cipher.ts';
import type { World } from '../world/world.ts';

/** A file as a user sends it: what lies on the CDN, and what the item says of it. */
export interface Sent {
  plainBytes: number;
  encrypted: Buffer;
  key: Buffer;
  md5: string;
}

/** What can be wrong with it, and how that comes about. */
const FLAWS = {
  'short-key': (sent: Sent) => ({ ...sent, key: sent.key.subarray(0, BLOCK_BYTES - 1) }),
  'wrong-key': (sent: Sent, world: World) => ({ ...sent, key: world.ids.bytes(BLOCK_BYTES) }),
  'half-block': (sent: Sent) => ({ ...sent, encrypted: sent.encrypted.subarray(0, -BLOCK_BYTES / 2) }),
  padding: (sent: Sent) => ({ ...sent, encrypted: withoutPadding(sent) }),
  size: (sent: Sent) => ({ ...sent, plainBytes: sent.plainBytes + 1 }),
  md5: (sent: Sent) => ({ ...sent, md5: sent.md5.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) }),
};
export type Flaw = keyof typeof FLAWS;

/** The same with a flaw: `short-key` 15 bytes, `half-block` 8 bytes missing at the end, `padding` zeros, `size` one too many. */
export function spoil(sent: Sent, flaw: Flaw, world: World): Sent {
  if (Object.hasOwn(FLAWS, flaw)) return FLAWS[flaw](sent, world);
  throw new WxError('usage', `flaw: one of ${Object.keys(FLAWS).join(', ')}; not ${JSON.stringify(flaw)}`);
}

/** The ciphertext of the same bytes, filled up with zeros where the padding was. */
function withoutPadding({ encrypted, key, plainBytes }: Sent): Buffer {
  const decipher = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  const plain = decipher.update(encrypted).fill(0, plainBytes);
  return createCipheriv('aes-128-ecb', key, null).setAutoPadding(false).update(plain);
}
