import { digestOf } from '../../core/ids.ts';
import type { MediaSource } from '../../core/message/media.ts';
import type { MessageKind } from '../../core/message/message.ts';
import { isObject } from '../../core/object.ts';
import { countOf, enumOf, exactTextOf, idOf, wordsOf, writtenOf } from '../wire/fields.ts';
import { isDeeperThan, writeJson } from '../wire/json.ts';
import {
  ITEM_TYPE,
  MESSAGE_STATE,
  MESSAGE_TYPE,
  type MessageItem,
  type PartialText,
  type RefMessage,
  type WeixinMessage,
} from '../wire/wire.ts';
import { mediaOf } from './media.ts';
import { resolvePartial } from './quote.ts';

/**
 * What a received message says (protocol 4.4, 5, 10). The wire's types are a hope, not a promise:
 * every field is checked, and nothing a server sends makes these functions throw.
 */

/** A received message in our words. */
export interface Inbound {
  /** `message_id`; null when the server gave none. */
  id: string | null;
  /** Who wrote it; '' when that is missing, or cannot be kept as it is (then `skip` is set). */
  user: string;
  /** `create_time_ms`, if that can be milliseconds at all: see {@link writtenAtMs}. */
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
  /** Why this is not for an agent, or null. A bot's own message and a draft (protocol 4.4) are nothing to keep. */
  skip: null | 'own' | 'unfinished' | 'group' | 'bot' | 'no-sender' | 'no-text' | `type:${string}`;
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
/** WeChat begins. What is told in seconds lies before it. */
const EARLIEST_MS = Date.UTC(2011, 0, 21);
/** No clock is that much behind the server's: what is told in microseconds lies after it. */
const MOST_AHEAD_MS = 366 * 24 * 60 * 60_000;

/** Ends the ids of bots, which are no users whatever the message says of itself: two that answer each other never end. */
const BOT_ID = /@im\.bot$/;

/**
 * What one message may be; what is more is kept and not given to the agent. Real ones have one item, 16 KiB of text at
 * most and 8 levels (protocol 9.1, 10).
 */
const MESSAGE_LIMITS = { bytes: 4 * 1024 * 1024, levels: 1_000, items: 1_000 } as const;

/** The longest name of an unknown kind that is told. */
const TYPE_NAME_CHARS = 32;

/** Reads a received message; tolerates missing fields and wrong types, and what is no message at all. */
export function readInbound(received: WeixinMessage): Inbound {
  const message = isObject(received) ? (received as WeixinMessage) : {};
  const user = idOf(message.from_user_id) ?? '';
  const kinds: Exclude<MessageKind, 'mixed'>[] = [];
  const texts: string[] = [];
  const media: MediaSource[] = [];
  const unknownItems: string[] = [];
  let ref: RefMessage | undefined;
  for (const item of itemsOf(message)) {
    const kind = KINDS.get(enumOf(item.type));
    if (kind === undefined) unknownItems.push(typeName(item.type));
    else if (!kinds.includes(kind)) kinds.push(kind);
    const text = itemText(item);
    if (text !== null) texts.push(text);
    const source = mediaOf(item);
    if (source !== null) media.push(source);
    if (isObject(item.ref_msg)) ref ??= item.ref_msg;
  }
  const kind = kinds.length > 1 ? 'mixed' : (kinds[0] ?? 'unknown');
  const text = texts.join('\n');
  const quote = readQuote(ref);
  // Of no characters, or nothing that is a text: an agent would be asked nothing. Blanks are a text.
  const isEmpty = kind === 'text' && text === '' && Object.values(quote).every(isNothing);
  return {
    id: idOf(message.message_id),
    user,
    createdAtMs: timeOf(message.create_time_ms),
    contextToken: exactTextOf(message.context_token),
    kind,
    text,
    ...quote,
    skip: skipReason(message, user) ?? (isEmpty ? 'no-text' : null),
    media,
    unknownItems,
  };
}

/** When a received message was written; null for seconds, microseconds, or a time more than a year ahead. */
export function writtenAtMs({ createdAtMs }: Inbound, receivedAtMs: number): number | null {
  return createdAtMs !== null && createdAtMs <= receivedAtMs + MOST_AHEAD_MS ? createdAtMs : null;
}

/** A message as bytes for the store: all fields, the unknown ones too, ids as strings. */
export function encodeRaw(message: WeixinMessage): Buffer {
  return Buffer.from(writeJson(message), 'utf8');
}

/** The reverse of {@link encodeRaw}. */
export function decodeRaw(raw: Buffer): WeixinMessage {
  const message: unknown = JSON.parse(raw.toString('utf8'));
  return isObject(message) ? (message as WeixinMessage) : {};
}

function skipReason(message: WeixinMessage, user: string): Inbound['skip'] {
  const { message_type: type = MESSAGE_TYPE.none } = message;
  const number = type === null ? MESSAGE_TYPE.none : enumOf(type);
  if (number === MESSAGE_TYPE.bot) return 'own';
  if (enumOf(message.message_state) === MESSAGE_STATE.generating) return 'unfinished';
  if (number !== MESSAGE_TYPE.none && number !== MESSAGE_TYPE.user) return `type:${typeName(type)}`;
  if (user === '') return 'no-sender';
  if (BOT_ID.test(user) || user === idOf(message.to_user_id)) return 'bot';
  return isGroup(message.group_id) || user.endsWith('@chatroom') ? 'group' : null;
}

/** Whether a group is named; nothing, false and 0 are how servers say none. */
function isGroup(id: unknown): boolean {
  if (typeof id === 'string') return !/^(?:0*|\s+)$/.test(id);
  return Boolean(id);
}

/** Why a message that was stored as these bytes is too much to be given to an agent; null: it is not. */
export function excessOf(message: WeixinMessage, raw: Buffer): 'oversized' | 'too-deep' | null {
  if (raw.length > MESSAGE_LIMITS.bytes || itemsOf(message).length > MESSAGE_LIMITS.items) return 'oversized';
  // A level takes two bytes at least.
  if (raw.length < 2 * MESSAGE_LIMITS.levels) return null;
  return isDeeperThan(MESSAGE_LIMITS.levels, message) ? 'too-deep' : null;
}

function isNothing(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
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
    quoteTitle: writtenOf(ref.title),
    quoteAtMs: timeOf(item.create_time_ms),
    quoteId: idOf(ref.svr_id) ?? idOf(item.msg_id),
    quotePartial: partial,
    quoteMedia: media ? [media] : [],
  };
}

/** The text of a text item or the transcript of a voice item; null for everything else. */
function itemText(item: MessageItem): string | null {
  const type = enumOf(item.type);
  if (type === ITEM_TYPE.text) return writtenOf(item.text_item?.text);
  return type === ITEM_TYPE.voice ? wordsOf(item.voice_item?.text) : null;
}

/** Digest of the content, which stays the same when the server delivers a message twice. */
export function fingerprintOf(message: WeixinMessage): string {
  return digestOf(itemsOf(message).flatMap((item) => [...contentOf(item), ...quoteOf(item)]));
}

/** What an item quotes: the same words about another message say something else. Nothing where it quotes nothing. */
function quoteOf({ ref_msg: quote }: MessageItem): string[] {
  if (!isObject(quote)) return [];
  const { svr_id: id, message_item: item, partial_text: part } = quote as RefMessage;
  const about = [id, item?.create_time_ms, part?.start, part?.end, part?.startindex, part?.endindex];
  return ['quote', ...about.map(writtenOf).map(String), ...(isObject(item) ? contentOf(item) : [])];
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

/** A time in milliseconds, if it can be one. */
function timeOf(value: unknown): number | null {
  const timeMs = countOf(value, LATEST_MS);
  return timeMs !== null && timeMs >= EARLIEST_MS ? timeMs : null;
}

function typeName(type: unknown): string {
  return typeof type === 'number' || typeof type === 'string'
    ? String(type).slice(0, TYPE_NAME_CHARS)
    : 'none';
}

function itemsOf(message: WeixinMessage): MessageItem[] {
  return Array.isArray(message?.item_list) ? message.item_list.filter(isObject) : [];
}
