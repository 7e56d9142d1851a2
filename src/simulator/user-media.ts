import { createHash } from 'node:crypto';
import { WxError } from '../core/errors.ts';
import { encodeMediaKey } from '../core/media-key.ts';
import { ITEM_TYPE } from '../ilink/wire.ts';
import { encryptMedia } from '../media/cipher.ts';
import { storeBlob } from './cdn.ts';
import { type Flaw, type Sent, spoil } from './flaws.ts';
import type { WireMessage } from './message-json.ts';
import type { World } from './world.ts';

/** A picture, sound, file or video a user sends: its bytes, or how many to make. */
export interface MediaInput {
  base64?: string;
  /** The same, inside the process. */
  bytes?: Uint8Array;
  sizeBytes?: number;
  /** For a file. */
  name?: string;
  /** For voice: what WeChat understood. */
  transcript?: string;
  /** For voice. */
  playtimeMs?: number;
  /** For an image: on the CDN unencrypted and without any key (protocol 5.4). */
  plain?: boolean;
  /** What is to be wrong with it. */
  flaw?: Flaw;
}

const TYPES = {
  image: ITEM_TYPE.image,
  voice: ITEM_TYPE.voice,
  file: ITEM_TYPE.file,
  video: ITEM_TYPE.video,
};

/** Puts the bytes on the CDN and builds the item that refers to them (protocol 3.4, 10.2). */
export function mediaItem(world: World, kind: keyof typeof TYPES, input: MediaInput): WireMessage {
  const plain = bytesOf(world, input);
  const key = world.ids.bytes(16);
  const md5 = createHash('md5').update(plain).digest('hex');
  const encrypted = kind === 'image' && input.plain ? plain : encryptMedia(plain, key);
  const sent: Sent = { plainBytes: plain.length, encrypted, key, md5 };
  const told = input.flaw === undefined ? sent : spoil(sent, input.flaw, world);
  const earlier = kind !== 'image' && world.settings.staleBlobs ? world.sentFiles.get(md5) : undefined;
  const param = earlier ?? world.ids.cdnParam();
  if (!earlier) {
    // What is quoted back later is checked like an upload; a plain image has no key to check.
    const held = kind === 'image' && input.plain ? null : key;
    storeBlob(world, param, {
      cipher: told.encrypted,
      key: held,
      rawSize: plain.length,
      rawMd5: md5,
      flaw: null,
    });
    if (world.settings.staleBlobs) world.sentFiles.set(md5, param);
  }
  const media: WireMessage = { encrypt_query_param: param };
  if (!(kind === 'image' && input.plain)) {
    media.aes_key =
      world.settings.mediaKey === 'hex' ? encodeMediaKey(told.key) : told.key.toString('base64');
  }
  if (world.settings.fullUrl) {
    media.full_url = `${world.cdnUrl}/download?encrypted_query_param=${encodeURIComponent(param)}`;
  }
  return { type: TYPES[kind], [`${kind}_item`]: body(kind, input, told, media) };
}

function body(kind: keyof typeof TYPES, input: MediaInput, told: Sent, media: WireMessage): WireMessage {
  const { encrypted } = told;
  switch (kind) {
    case 'image': {
      const aeskey = input.plain ? {} : { aeskey: told.key.toString('hex') };
      return { ...aeskey, media, mid_size: encrypted.length, hd_size: encrypted.length };
    }
    case 'voice': {
      // As captured: the numbers say speex at 16 kHz whatever the bytes are (protocol 12).
      const form = {
        encode_type: 4,
        bits_per_sample: 16,
        sample_rate: 16_000,
        playtime: input.playtimeMs ?? 2_000,
      };
      return input.transcript === undefined ? { media, ...form } : { media, ...form, text: input.transcript };
    }
    case 'file':
      return { media, file_name: input.name ?? 'file.bin', md5: told.md5, len: String(told.plainBytes) };
    case 'video':
      return { media, video_size: encrypted.length, play_length: 3, video_md5: told.md5 };
  }
}

function bytesOf(world: World, input: MediaInput): Buffer {
  if (input.bytes) return Buffer.from(input.bytes);
  if (typeof input.base64 === 'string') return Buffer.from(input.base64, 'base64');
  const { sizeBytes } = input;
  if (!Number.isSafeInteger(sizeBytes) || Number(sizeBytes) < 0) {
    throw new WxError('usage', 'media needs base64 or sizeBytes');
  }
  return world.ids.bytes(Number(sizeBytes));
}
