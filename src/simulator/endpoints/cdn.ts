import { createHash } from 'node:crypto';
import { MEDIA_TYPE } from '../../ilink/wire/wire.ts';
import { decryptMedia, encryptedSize } from '../../media/cipher.ts';
import { type Answer, INVALID_ARGUMENTS, ok, refused } from '../world/answer.ts';
import { storeBlob } from '../world/blobs.ts';
import { peerOf } from '../world/peers.ts';
import { type Bot, keepNewest, type Upload } from '../world/world.ts';
import type { Handler } from './handler.ts';

const UPLOAD_LIMIT = 1_000;
const FILEKEY_LIMIT = 1_024;
const MEDIA_TYPES: ReadonlySet<unknown> = new Set(Object.values(MEDIA_TYPE));

/** `getuploadurl` (protocol 5.1). */
export const getUploadUrl: Handler = (world, call) => {
  const { filekey, media_type, to_user_id, rawsize, rawfilemd5, filesize, aeskey } = call.body;
  if (!peerOf(call.bot as Bot, to_user_id)) return refused(-1, null);
  if (
    typeof filekey !== 'string' ||
    filekey === '' ||
    filekey.length > FILEKEY_LIMIT ||
    !MEDIA_TYPES.has(media_type)
  )
    return INVALID_ARGUMENTS;
  if (typeof aeskey !== 'string' || !/^[0-9a-fA-F]{32}$/.test(aeskey)) return INVALID_ARGUMENTS;
  const key = Buffer.from(aeskey, 'hex');
  const file = { rawSize: rawsize, rawMd5: rawfilemd5, fileSize: filesize };
  const thumb = wantedThumb(call.body);
  if (!isFacts(file) || (thumb && !isFacts(thumb))) return INVALID_ARGUMENTS;

  const announce = (facts: Facts): string => {
    const param = world.ids.cdnParam();
    world.uploads.set(param, { filekey, key, ...facts, downloadParam: world.ids.cdnParam() });
    keepNewest(world.uploads, UPLOAD_LIMIT);
    return param;
  };
  const param = announce(file);
  const thumb_upload_param = thumb ? announce(thumb as Facts) : '';
  const taskid = `t-${world.ids.bytes(4).toString('hex')}`;
  const query = `encrypted_query_param=${encodeURIComponent(param)}&filekey=${encodeURIComponent(filekey)}`;
  const fullUrl = { upload_full_url: `${world.cdnUrl}/upload?${query}&taskid=${taskid}`, filekey, taskid };
  const paramOnly = { upload_param: param, thumb_upload_param };
  const { uploadAnswer } = world.settings;
  if (uploadAnswer === 'full-url') {
    return ok(JSON.stringify(thumb ? { ...fullUrl, thumb_upload_param } : fullUrl));
  }
  return ok(
    JSON.stringify(uploadAnswer === 'param' ? { ret: 0, ...paramOnly } : { ...paramOnly, ...fullUrl }),
  );
};

type Facts = Pick<Upload, 'rawSize' | 'rawMd5' | 'fileSize'>;

/** What is announced of a thumbnail, checked by nobody yet; null when none is wanted (protocol 5.1, 15a). */
function wantedThumb(body: Record<string, unknown>): Record<keyof Facts, unknown> | null {
  const { media_type, thumb_rawsize, thumb_rawfilemd5, thumb_filesize } = body;
  if (body.no_need_thumb === true || thumb_rawsize === undefined) return null;
  if (media_type !== MEDIA_TYPE.image && media_type !== MEDIA_TYPE.video) return null;
  return { rawSize: thumb_rawsize, rawMd5: thumb_rawfilemd5, fileSize: thumb_filesize };
}

function isFacts(facts: Record<keyof Facts, unknown>): facts is Facts {
  const { rawSize, rawMd5, fileSize } = facts;
  return isSize(rawSize) && isSize(fileSize) && typeof rawMd5 === 'string' && /^[0-9a-f]{32}$/.test(rawMd5);
}

/** CDN upload (protocol 5.2): checked against what was announced; the header names the blob. */
export const upload: Handler = (world, call) => {
  const query = new URLSearchParams(call.search);
  const announced = world.uploads.get(query.get('encrypted_query_param') ?? '');
  if (!announced) return cdnError(400, 'invalid encrypted_query_param');
  if (query.get('filekey') !== announced.filekey) return cdnError(400, 'invalid filekey');
  const flaw = flawOf(announced, call.raw);
  if (flaw !== null && flaw !== PLAIN_SIZE && world.settings.uploadChecks === 'refuse')
    return cdnError(400, flaw);
  // The same blob for a repeated upload: its first answer may have been lost.
  storeBlob(world, announced.downloadParam, {
    cipher: call.raw,
    key: announced.key,
    rawSize: announced.rawSize,
    rawMd5: announced.rawMd5,
    flaw,
  });
  return { status: 200, body: '', headers: { 'x-encrypted-param': announced.downloadParam } };
};

/** CDN download (protocol 5.4); whether the real one honours ranges is not known, so that is a setting. */
export const download: Handler = (world, call) => {
  const blob = world.blobs.get(new URLSearchParams(call.search).get('encrypted_query_param') ?? '');
  if (!blob) return cdnError(400, 'invalid encrypted_query_param');
  const headers = { 'content-type': 'application/octet-stream' };
  const first = world.settings.ranges ? /^bytes=(\d+)-$/.exec(call.range ?? '')?.[1] : undefined;
  if (first === undefined) return { status: 200, body: blob.cipher, headers };
  const { length } = blob.cipher;
  if (Number(first) >= length) {
    return { status: 416, body: '', headers: { ...headers, 'content-range': `bytes */${length}` } };
  }
  return {
    status: 206,
    body: blob.cipher.subarray(Number(first)),
    headers: { ...headers, 'content-range': `bytes ${first}-${length - 1}/${length}` },
  };
};

/** A common mistake that the CDN takes without a word, and no phone shows (protocol 15a). */
const PLAIN_SIZE = 'filesize is the plain size';

/** What is wrong with uploaded bytes, or null (protocol 15). */
function flawOf(announced: Upload, cipher: Buffer): string | null {
  const size = encryptedSize(announced.rawSize);
  const isPlainSize = announced.fileSize === announced.rawSize;
  if (announced.fileSize !== size && !isPlainSize) return 'filesize is not the ciphertext size of rawsize';
  if (cipher.length !== size) return 'length differs from filesize';
  let plain: Buffer;
  try {
    plain = decryptMedia(cipher, announced.key);
  } catch {
    return 'does not decrypt with aeskey';
  }
  if (plain.length !== announced.rawSize) return 'plain length differs from rawsize';
  if (createHash('md5').update(plain).digest('hex') !== announced.rawMd5)
    return 'md5 differs from rawfilemd5';
  return isPlainSize ? PLAIN_SIZE : null;
}

function cdnError(status: number, reason: string): Answer {
  return { status, body: reason, headers: { 'x-error-message': reason, 'content-type': 'text/plain' } };
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
