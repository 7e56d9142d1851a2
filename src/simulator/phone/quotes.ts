import { createHash } from 'node:crypto';
import { WxError } from '../../core/errors.ts';
import { ITEM_TYPE } from '../../ilink/wire/wire.ts';
import type { WireMessage } from '../world/message-json.ts';
import type { Shown, World } from '../world/world.ts';

/** What a user quotes: a message of the transcript, in one of the forms phones have sent over time (protocol 10.4). */
export interface QuoteInput {
  /** `messageId` of a message in either direction. */
  id: string;
  /** `full`: the item itself. `id`: only the id (default). `partial`: id and a selection. `withheld`: an item of type 0. */
  form?: 'full' | 'id' | 'partial' | 'withheld';
  /** For `partial`: the selected piece of the message's text. */
  selection?: string;
}

/** Characters of a selection's ends that are sent. */
const EDGE = 4;

/** The `ref_msg` of a quote; throws `not-found` when its form needs a message that is not in the transcript. */
export function refMessage(world: World, quote: QuoteInput): WireMessage {
  const form = quote.form ?? (quote.selection === undefined ? 'id' : 'partial');
  if (form === 'id') return { svr_id: quote.id };
  const quoted = world.transcript.after(0).find((shown) => shown.messageId === quote.id);
  if (!quoted) throw new WxError('not-found', `no message ${quote.id} in the transcript`);
  // Quotes know the time only to the second (protocol 10.4).
  const create_time_ms = Math.floor(quoted.timeMs / 1_000) * 1_000;
  const envelope = {
    create_time_ms,
    update_time_ms: create_time_ms,
    is_completed: true,
    msg_id: quote.id,
    button_item_list: [],
    at_bot_username_list: [],
  };
  if (form === 'withheld') return { message_item: { type: ITEM_TYPE.none, ...envelope } };
  if (form === 'full') {
    const title = quoted.text || quoted.fileName || `[${quoted.kind}]`;
    return { title, message_item: { ...itemOf(quoted), ...envelope } };
  }
  if (form !== 'partial')
    throw new WxError('usage', `quote.form: full, id, partial or withheld; not ${form}`);
  return { svr_id: quote.id, partial_text: partialText(quoted.text, quote.selection ?? '') };
}

function itemOf(quoted: Shown): WireMessage {
  const media = quoted.media
    ? { encrypt_query_param: quoted.media.param, aes_key: quoted.media.key, encrypt_type: 1 }
    : undefined;
  switch (quoted.kind) {
    case 'image':
      return { type: ITEM_TYPE.image, image_item: { media } };
    case 'voice':
      return { type: ITEM_TYPE.voice, voice_item: { media, text: quoted.text || undefined } };
    case 'file':
      return { type: ITEM_TYPE.file, file_item: { media, file_name: quoted.fileName ?? undefined } };
    case 'video':
      return { type: ITEM_TYPE.video, video_item: { media } };
    default:
      return { type: ITEM_TYPE.text, text_item: { text: quoted.text } };
  }
}

/** A selection as phones describe it: its ends, their occurrence numbers in the whole text, its md5 (protocol 10.5). */
export function partialText(text: string, selection: string): WireMessage {
  const at = text.indexOf(selection);
  if (selection === '' || at < 0) throw new WxError('usage', 'selection: a piece of the quoted text');
  const characters = Array.from(selection);
  // Whole characters; and the whole selection where its end alone is not among the counted occurrences.
  const starts = [characters.slice(0, EDGE).join(''), selection];
  const ends = [characters.slice(-EDGE).join(''), selection];
  for (const start of starts) {
    for (const end of ends) {
      const startindex = occurrence(text, start, at);
      const endindex = occurrence(text, end, at + selection.length - end.length);
      if (startindex < 0 || endindex < 0) continue;
      const quotemd5 = createHash('md5').update(selection).digest('hex');
      return { start, end, startindex, endindex, quotemd5 };
    }
  }
  throw new WxError('usage', 'this selection cannot be told from others: overlapping repetitions');
}

/** Number of the occurrence of `needle` that begins at `at`, counted without overlaps; -1 when it is none. */
function occurrence(text: string, needle: string, at: number): number {
  let n = 0;
  for (let found = text.indexOf(needle); found >= 0; found = text.indexOf(needle, found + needle.length)) {
    if (found === at) return n;
    n += 1;
  }
  return -1;
}
