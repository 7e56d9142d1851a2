import { baseInfo } from '../wire/headers.ts';
import {
  ITEM_TYPE,
  MESSAGE_STATE,
  MESSAGE_TYPE,
  type MessageItem,
  type WeixinMessage,
} from '../wire/wire.ts';

/** Bodies of `sendmessage` with one item each (protocol 4.1, 4.5), stored to be repeated byte for byte. */

/** What every part says about itself, whatever it carries. */
export interface PartHead {
  user: string;
  /** Unique per part and the same on every repeat. */
  clientId: string;
  /** The newest token received from this user; null only when there is none. */
  contextToken: string | null;
  /** Groups the parts of one turn; null for what no turn made. */
  runId: string | null;
  /** Our own version, for `base_info`. */
  version: string;
}

/** A file that lies on the CDN already. */
export interface UploadedMedia {
  kind: 'image' | 'video' | 'file';
  /** What the CDN returned in `x-encrypted-param`. */
  param: string;
  /** The key in base64 of hex, as `encodeMediaKey` makes it (protocol 5.3). */
  key: string;
  /** The size a phone is told for images and videos (protocol 5.5). */
  encryptedBytes: number;
  /** The size a phone is told for files (protocol 5.5). */
  plainBytes: number;
  /** Hex digest of the plain content. */
  md5: string;
  /** Shown by the phone for `file`. */
  name: string;
}

/** The body that sends a text. Empty text is the caller's mistake (protocol 4.1). */
export function encodeText(part: PartHead & { text: string }): Buffer {
  return encode(part, { type: ITEM_TYPE.text, text_item: { text: part.text } });
}

/** The body that sends an uploaded picture, video or file. */
export function encodeMedia(part: PartHead & { media: UploadedMedia }): Buffer {
  return encode(part, mediaItem(part.media));
}

function mediaItem(uploaded: UploadedMedia): MessageItem {
  const media = { encrypt_query_param: uploaded.param, aes_key: uploaded.key, encrypt_type: 1 };
  switch (uploaded.kind) {
    case 'image':
      return { type: ITEM_TYPE.image, image_item: { media, mid_size: uploaded.encryptedBytes } };
    case 'video':
      return { type: ITEM_TYPE.video, video_item: { media, video_size: uploaded.encryptedBytes } };
    case 'file': {
      const { name, md5, plainBytes } = uploaded;
      return { type: ITEM_TYPE.file, file_item: { media, file_name: name, md5, len: String(plainBytes) } };
    }
  }
}

function encode(part: PartHead, item: MessageItem): Buffer {
  const message: WeixinMessage = {
    from_user_id: '',
    to_user_id: part.user,
    client_id: part.clientId,
    message_type: MESSAGE_TYPE.bot,
    message_state: MESSAGE_STATE.finish,
    item_list: [item],
  };
  if (part.contextToken !== null) message.context_token = part.contextToken;
  if (part.runId !== null) message.run_id = part.runId;
  return Buffer.from(JSON.stringify({ msg: message, base_info: baseInfo(part.version) }), 'utf8');
}
