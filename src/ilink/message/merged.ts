import { enumOf } from '../wire/fields.ts';
import { ITEM_TYPE, type MessageItem, type WeixinMessage } from '../wire/wire.ts';
import { decodeRaw } from './inbound.ts';

/** Stored messages as one: the first, with the items of all. Of each text what begins at `textFrom` (UTF-16) counts. */
export function mergeStored(said: readonly { raw: Buffer; textFrom: number }[]): WeixinMessage {
  const messages = said.map(({ raw, textFrom }) => withoutStart(decodeRaw(raw), textFrom));
  const [first = {}, ...others] = messages;
  if (others.length === 0) return first;
  return { ...first, item_list: messages.flatMap((message) => message.item_list ?? []) };
}

/** A message without the first `chars` UTF-16 units of its text, which may go on over several items. */
function withoutStart(message: WeixinMessage, chars: number): WeixinMessage {
  if (chars === 0 || !Array.isArray(message.item_list)) return message;
  let left = chars;
  const items = message.item_list.map((item): MessageItem => {
    const text = enumOf(item?.type) === ITEM_TYPE.text ? item.text_item?.text : undefined;
    if (typeof text !== 'string' || text === '' || left <= 0) return item;
    const cut = Math.min(left, text.length);
    // The newline that joins two texts counts as well.
    left -= cut + 1;
    return { ...item, text_item: { ...item.text_item, text: text.slice(cut) } };
  });
  return { ...message, item_list: items };
}
