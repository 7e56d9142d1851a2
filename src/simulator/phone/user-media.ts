import { createHash } from 'node:crypto';
import { WxError } from '../../core/errors.ts';
import { encodeMediaKey } from '../../core/message/media-key.ts';
import { ITEM_TYPE } from '../../ilink/wire/wire.ts';
import { encryptMedia } from '../../media/cipher.ts';
import { BLOB_BYTES_LIMIT, storeBlob } from '../world/blobs.ts';
import type { WireMessage } from '../world/message-json.ts';
import type { World } from '../world/world.ts';
import { type Flaw, type Sent, spoil } from './flawed-media.ts';

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

const [THUMB_WIDTH, THUMB_HEIGHT] = [120, 90];
/** A grey JPEG: its Huffman tables have one word each, so that its 15 by 12 blocks are 360 zero bits. */
const THUMB = Buffer.concat([
  Buffer.from('ffd8ffdb004300', 'hex'),
  Buffer.alloc(64, 1),
  Buffer.from([0xff, 0xc0, 0, 11, 8, 0, THUMB_HEIGHT, 0, THUMB_WIDTH, 1, 1, 0x11, 0]),
  Buffer.from(`ffc400140001${'00'.repeat(16)}ffc400141001${'00'.repeat(16)}ffda0008010100003f00`, 'hex'),
  Buffer.alloc(45),
  Buffer.from('ffd9', 'hex'),
]);

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
  const isPlain = kind === 'image' && input.plain;
  const media = cdnMedia(world, param, isPlain ? null : told.key);
  const thumb = kind === 'image' || kind === 'video' ? thumbnail(world, isPlain ? null : key) : {};
  return { type: TYPES[kind], [`${kind}_item`]: { ...body(kind, input, told, media), ...thumb } };
}

/** How an item refers to a blob; without a key to a plain one. */
function cdnMedia(world: World, param: string, key: Buffer | null): WireMessage {
  const media: WireMessage = { encrypt_query_param: param };
  if (key) media.aes_key = world.settings.mediaKey === 'hex' ? encodeMediaKey(key) : key.toString('base64');
  if (world.settings.fullUrl) {
    media.full_url = `${world.cdnUrl}/download?encrypted_query_param=${encodeURIComponent(param)}`;
  }
  return media;
}

/** The thumbnail that phones send with pictures and films, under the same key (protocol 15a). */
function thumbnail(world: World, key: Buffer | null): WireMessage {
  const cipher = key ? encryptMedia(THUMB, key) : THUMB;
  const param = world.ids.cdnParam();
  const rawMd5 = createHash('md5').update(THUMB).digest('hex');
  storeBlob(world, param, { cipher, key, rawSize: THUMB.length, rawMd5, flaw: null });
  const thumb_media = cdnMedia(world, param, key);
  return { thumb_media, thumb_size: cipher.length, thumb_width: THUMB_WIDTH, thumb_height: THUMB_HEIGHT };
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
  if (!Number.isSafeInteger(sizeBytes) || Number(sizeBytes) < 0 || Number(sizeBytes) > BLOB_BYTES_LIMIT) {
    throw new WxError('usage', `media needs base64, or sizeBytes up to ${BLOB_BYTES_LIMIT}`);
  }
  return world.ids.bytes(Number(sizeBytes));
}
