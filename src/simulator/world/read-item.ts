import { decodeMediaKey } from '../../core/message/media-key.ts';
import { isObject } from '../../core/object.ts';
import { parseLossless } from '../../ilink/wire/json.ts';
import { ITEM_TYPE } from '../../ilink/wire/wire.ts';
import type { Blob, Shown, World } from './world.ts';

/** Levels of JSON that are read: what is nested deeper cannot be written out again. */
const DEPTH_LIMIT = 1_000;

/** Parses JSON from outside, ids losslessly; throws SyntaxError for what is not JSON or is nested too deeply. */
export function parseOutside(raw: Buffer): unknown {
  if (raw.length > DEPTH_LIMIT && depthOf(raw) > DEPTH_LIMIT) throw new SyntaxError('nested too deeply');
  return parseLossless(raw.toString('utf8'));
}

function depthOf(json: Buffer): number {
  let [depth, deepest, quoted] = [0, 0, false];
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (quoted) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === BRACE || byte === BRACKET) deepest = Math.max(deepest, ++depth);
    else if (byte === BRACE + 2 || byte === BRACKET + 2) depth -= 1;
  }
  return deepest;
}

/** What a phone makes of one item. */
export type ItemContent = Pick<Shown, 'kind' | 'text' | 'fileName' | 'sizeBytes' | 'grey' | 'media'>;

const MEDIA_FIELDS: ReadonlyMap<unknown, { field: string; kind: 'image' | 'voice' | 'file' | 'video' }> =
  new Map([
    [ITEM_TYPE.image, { field: 'image_item', kind: 'image' }],
    [ITEM_TYPE.voice, { field: 'voice_item', kind: 'voice' }],
    [ITEM_TYPE.file, { field: 'file_item', kind: 'file' }],
    [ITEM_TYPE.video, { field: 'video_item', kind: 'video' }],
  ]);
const [QUOTE, BACKSLASH, BRACKET, BRACE] = [0x22, 0x5c, 0x5b, 0x7b] as const;
const NO_MEDIA = { fileName: null, sizeBytes: null, grey: null, media: null };

/** Reads an item in either direction (protocol 10.2); whatever is missing reads as empty. */
export function readItem(world: World, item: Record<string, unknown>): ItemContent {
  if (item.type === ITEM_TYPE.text)
    return { kind: 'text', text: textIn(item.text_item, 'text'), ...NO_MEDIA };
  if (item.type === ITEM_TYPE.toolStart) {
    return { kind: 'tool', text: textIn(item.tool_call_start_item, 'tool_name'), ...NO_MEDIA };
  }
  if (item.type === ITEM_TYPE.toolResult) {
    const result = item.tool_call_result_item;
    return { kind: 'tool', text: `${textIn(result, 'tool_name')}: ${textIn(result, 'status')}`, ...NO_MEDIA };
  }
  const known = MEDIA_FIELDS.get(item.type);
  if (!known) return { kind: 'other', text: '', ...NO_MEDIA };
  const body = isObject(item[known.field]) ? (item[known.field] as Record<string, unknown>) : {};
  const media = { param: textIn(body.media, 'encrypt_query_param'), key: textIn(body.media, 'aes_key') };
  const blob = world.blobs.get(media.param);
  return {
    kind: known.kind,
    text: textIn(body, 'text'),
    fileName: textIn(body, 'file_name') || null,
    sizeBytes: blob ? blob.rawSize : null,
    grey: blob
      ? (blob.flaw ?? keyFlaw(media.key, blob.key) ?? itemFlaw(body, blob) ?? thumbFlaw(world, body))
      : 'nothing was uploaded under this encrypt_query_param',
    media,
  };
}

/** Phones decrypt only with base64 of the 32 hex characters of the right key (protocol 5.3). */
function keyFlaw(text: string, key: Buffer | null): string | null {
  const bytes = Buffer.from(text, 'base64');
  const inner = bytes.toString('latin1');
  if (key === null) return null;
  if (/^[0-9a-fA-F]{32}$/.test(inner)) {
    return Buffer.from(inner, 'hex').equals(key) ? null : 'aes_key is not the key of the upload';
  }
  return decodeMediaKey(text)?.equals(key)
    ? 'aes_key is not base64 of the 32 hex characters'
    : 'aes_key is not the key of the upload';
}

/** Sizes that a phone is told, of the ciphertext for pictures and films (protocol 5.5). */
const CIPHER_SIZES = ['mid_size', 'video_size'];

/** A thumbnail of one's own must be there and open with its key. */
function thumbFlaw(world: World, body: Record<string, unknown>): string | null {
  if (body.thumb_media === undefined) return null;
  const blob = world.blobs.get(textIn(body.thumb_media, 'encrypt_query_param'));
  const flaw = blob
    ? (blob.flaw ?? keyFlaw(textIn(body.thumb_media, 'aes_key'), blob.key))
    : 'nothing was uploaded under this encrypt_query_param';
  return flaw === null ? null : `thumb_media: ${flaw}`;
}

/** What an item says of its file, where it says it, must be so; a wrong size is a grey placeholder (protocol 0.3, 5.5). */
function itemFlaw(body: Record<string, unknown>, { cipher, rawSize, rawMd5 }: Blob): string | null {
  const size = CIPHER_SIZES.find((field) => body[field] !== undefined && body[field] !== cipher.length);
  if (size !== undefined) return `${size} is not the ciphertext size`;
  if (body.len !== undefined && body.len !== String(rawSize)) return 'len is not the plain size as a text';
  return body.md5 === undefined || body.md5 === rawMd5 ? null : 'md5 is not that of the plain content';
}

function textIn(container: unknown, field: string): string {
  const value = isObject(container) ? container[field] : undefined;
  return typeof value === 'string' ? value : '';
}
