import type { MediaSource } from '../../core/message/media.ts';
import { decodeMediaKey, distinctKeys } from '../../core/message/media-key.ts';
import { isObject } from '../../core/object.ts';
import { countOf, enumOf, textOf, wordsOf, writtenOf } from '../wire/fields.ts';
import { ITEM_TYPE, type MessageItem } from '../wire/wire.ts';

/** What an item says of its picture, voice, file or video (protocol 5.3 to 5.5, 10.2). */

type MediaBody = Pick<MediaSource, 'kind'> & {
  body: unknown;
  name?: unknown;
  sizeBytes?: unknown;
  md5?: unknown;
  durationMs?: unknown;
  transcript?: unknown;
};

/** Where the media of an item lies and how it opens; null when the item has none. Never throws. */
export function mediaOf(item: MessageItem): MediaSource | null {
  const found = isObject(item) ? bodyOf(item) : null;
  if (!found) return null;
  const body = isObject(found.body) ? found.body : {};
  const media = isObject(body.media) ? body.media : {};
  // The picture's own field first: its media.aes_key has been seen to be a wrong one (protocol 5.3).
  const named = [found.kind === 'image' ? textOf(body.aeskey) : null, textOf(media.aes_key)].filter(
    (text) => text !== null,
  );
  const md5 = textOf(found.md5)?.toLowerCase() ?? '';
  return {
    kind: found.kind,
    fullUrl: textOf(media.full_url),
    param: textOf(media.encrypt_query_param),
    keys: distinctKeys(named.map(decodeMediaKey).filter((key) => key !== null)),
    isPlain: found.kind === 'image' && named.length === 0,
    name: writtenOf(found.name),
    sizeBytes: countOf(found.sizeBytes),
    md5: /^[0-9a-f]{32}$/.test(md5) ? md5 : null,
    durationMs: countOf(found.durationMs),
    transcript: wordsOf(found.transcript),
  };
}

/** Sizes of pictures and videos are left out: they are those of the ciphertext (protocol 5.5). */
function bodyOf(item: MessageItem): MediaBody | null {
  const { image_item: image, voice_item: voice, file_item: file, video_item: video } = item;
  switch (enumOf(item.type)) {
    case ITEM_TYPE.image:
      return { kind: 'image', body: image };
    case ITEM_TYPE.voice:
      return { kind: 'voice', body: voice, durationMs: voice?.playtime, transcript: voice?.text };
    case ITEM_TYPE.file:
      return { kind: 'file', body: file, name: file?.file_name, sizeBytes: file?.len, md5: file?.md5 };
    case ITEM_TYPE.video:
      // Whether `play_length` is in seconds or milliseconds is not known (protocol 5.5).
      return { kind: 'video', body: video, md5: video?.video_md5 };
    default:
      return null;
  }
}
