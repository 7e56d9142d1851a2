import { digest } from '../core/ids.ts';
import type { MediaSource } from '../core/media.ts';
import type { MessageKind } from '../core/message.ts';
import { countOf, idOf, isObject, textOf } from './fields.ts';
import { mediaOf } from './media.ts';
import { resolvePartial } from './quote.ts';
import {
  ITEM_TYPE,
  MESSAGE_STATE,
  MESSAGE_TYPE,
  type MessageItem,
  type PartialText,
  type RefMessage,
  type WeixinMessage,
} from './wire.ts';

/**
 * What a received message says (protocol 4.4, 5, 10). The wire's types are a hope, not a promise:
 * every field is checked, and nothing a server sends makes these functions throw.
 */

/** A received message in our words. */
export interface Inbound {
  /** `message_id`; null when the server gave none. */
  id: string | null;
  /** Who wrote it; '' when that is missing (then `skip` is set). */
  user: string;
  createdAtMs: number | null;
  contextToken: string | null;
  /** What the items are; `unknown` when none is of a kind we know. */
  kind: MessageKind | 'unknown';
  /** Its texts and voice transcripts, joined by newlines. */
  text: string;
  /** What it quotes where the message itself tells: the selection, or the whole text. */
  quoteText: string | null;
  /** The summary of what it quotes. */
  quoteTitle: string | null;
  /** When that was written, to the second. */
  quoteAtMs: number | null;
  /** Id of the quoted message: that of a received one or of one we sent. */
  quoteId: string | null;
  /** The selection within the quoted message, for {@link resolvePartial} once its text is found by `quoteId`. */
  quotePartial: PartialText | null;
  /** Why this is not for an agent, or null. */
  skip: null | 'not-from-user' | 'group' | 'unfinished';
  /** Its pictures, voices, files and videos, in the order of its items. */
  media: MediaSource[];
  /** Those of the quoted message, where they came with the quote (protocol 10.4). */
  quoteMedia: MediaSource[];
  /** The type of each item that is of no kind we know, as the wire named it; the items stay in the raw message. */
  unknownItems: string[];
}

const KINDS: ReadonlyMap<unknown, Exclude<MessageKind, 'mixed'>> = new Map([
  [ITEM_TYPE.text, 'text'],
  [ITEM_TYPE.image, 'image'],
  [ITEM_TYPE.voice, 'voice'],
  [ITEM_TYPE.file, 'file'],
  [ITEM_TYPE.video, 'video'],
]);

/** The last moment that a Date can show. */
const LATEST_MS = 8.64e15;

/** Reads a received message; tolerates missing fields and wrong types. */
export function readInbound(message: WeixinMessage): Inbound {
  const user = textOf(message.from_user_id) ?? '';
  const kinds: Exclude<MessageKind, 'mixed'>[] = [];
  const texts: string[] = [];
  const media: MediaSource[] = [];
  const unknownItems: string[] = [];
  let ref: RefMessage | undefined;
  for (const item of itemsOf(message)) {
    const kind = KINDS.get(item.type);
    if (kind === undefined) unknownItems.push(typeName(item.type));
    else if (!kinds.includes(kind)) kinds.push(kind);
    const text = itemText(item);
    if (text !== null) texts.push(text);
    const source = mediaOf(item);
    if (source !== null) media.push(source);
    if (isObject(item.ref_msg)) ref ??= item.ref_msg;
  }
  return {
    id: idOf(message.message_id),
    user,
    createdAtMs: countOf(message.create_time_ms, LATEST_MS),
    contextToken: textOf(message.context_token),
    kind: kinds.length > 1 ? 'mixed' : (kinds[0] ?? 'unknown'),
    text: texts.join('\n'),
    ...readQuote(ref),
    skip: skipReason(message, user),
    media,
    unknownItems,
  };
}

/** A message as bytes for the store: all fields, the unknown ones too, ids as strings. */
export function encodeRaw(message: WeixinMessage): Buffer {
  return Buffer.from(JSON.stringify(message), 'utf8');
}

/** The reverse of {@link encodeRaw}. */
export function decodeRaw(raw: Buffer): WeixinMessage {
  return JSON.parse(raw.toString('utf8')) as WeixinMessage;
}

function skipReason(message: WeixinMessage, user: string): Inbound['skip'] {
  const type = message.message_type ?? MESSAGE_TYPE.none;
  if ((type !== MESSAGE_TYPE.none && type !== MESSAGE_TYPE.user) || user === '') return 'not-from-user';
  if (textOf(message.group_id) !== null || user.endsWith('@chatroom')) return 'group';
  return message.message_state === MESSAGE_STATE.generating ? 'unfinished' : null;
}

function readQuote(
  ref: RefMessage | undefined,
): Pick<Inbound, 'quoteText' | 'quoteTitle' | 'quoteAtMs' | 'quoteId' | 'quotePartial' | 'quoteMedia'> {
  if (!ref) {
    return {
      quoteText: null,
      quoteTitle: null,
      quoteAtMs: null,
      quoteId: null,
      quotePartial: null,
      quoteMedia: [],
    };
  }
  const item = isObject(ref.message_item) ? ref.message_item : {};
  const partial = isObject(ref.partial_text) ? ref.partial_text : null;
  const full = itemText(item) || null;
  const media = mediaOf(item);
  const selection = full !== null && partial ? resolvePartial(full, partial) : null;
  return {
    quoteText: selection ?? full,
    quoteTitle: textOf(ref.title),
    quoteAtMs: countOf(item.create_time_ms, LATEST_MS),
    quoteId: idOf(ref.svr_id) ?? idOf(item.msg_id),
    quotePartial: partial,
    quoteMedia: media ? [media] : [],
  };
}

/** The text of a text item or the transcript of a voice item; null for everything else. */
function itemText(item: MessageItem): string | null {
  if (item.type === ITEM_TYPE.text) return textOf(item.text_item?.text);
  if (item.type === ITEM_TYPE.voice) return textOf(item.voice_item?.text);
  return null;
}

/**
 * Digest of what stays the same when the server delivers a message twice (design 3). Only content: ids, times, tokens
 * and addresses differ.
 */
export function fingerprintOf(message: WeixinMessage): string {
  return digest(...itemsOf(message).flatMap(contentOf));
}

function contentOf(item: MessageItem): string[] {
  const { image_item: image, voice_item: voice, file_item: file, video_item: video } = item;
  const content: unknown[] = [
    item.type,
    item.text_item?.text,
    voice?.text,
    file?.file_name,
    file?.md5,
    file?.len,
    video?.video_md5,
    image?.aeskey,
    image?.media?.aes_key,
    voice?.media?.aes_key,
    file?.media?.aes_key,
    video?.media?.aes_key,
  ];
  return content.map((value) =>
    typeof value === 'string' || typeof value === 'number' ? String(value) : '',
  );
}

function typeName(type: unknown): string {
  return typeof type === 'number' || typeof type === 'string' ? String(type) : 'none';
}

function itemsOf(message: WeixinMessage): MessageItem[] {
  return Array.isArray(message.item_list) ? message.item_list.filter(isObject) : [];
}
