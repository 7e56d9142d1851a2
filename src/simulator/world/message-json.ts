import type { Settings } from './settings.ts';

/** A message in wire names; ids are decimal strings until it is written out. */
export type WireMessage = Record<string, unknown>;

/** In JSON text a field's name follows `{` or `,`; inside a string its quotes would be escaped. */
const QUOTED_MESSAGE_ID = /(?<=[{,])"message_id":"(\d+)"/g;
const QUOTED_IDS = /(?<=[{,])"(message_id|msg_id|svr_id)":"(\d+)"/g;

/** A message's JSON with ids and times in the form the settings ask for (protocol 10.3, 15). */
export function messageJson(settings: Settings, seq: number, message: WireMessage): Buffer {
  const { ids, createTime } = settings;
  let out = message;
  if (createTime === 'missing') {
    const { create_time_ms: _, update_time_ms: __, ...rest } = message;
    out = rest;
  } else if (createTime === 'seconds' && typeof message.create_time_ms === 'number') {
    const create_time_ms = Math.floor(message.create_time_ms / 1_000) * 1_000;
    out = { ...message, create_time_ms, update_time_ms: create_time_ms };
  }
  if (ids === 'missing') out = withoutIds(out);
  return Buffer.from(bareIds(ids, JSON.stringify(out.seq === undefined ? { seq, ...out } : out)));
}

function bareIds(ids: Settings['ids'], json: string): string {
  // JSON.stringify cannot write integers above 2^53, so the quotes come off afterwards.
  if (ids === 'number') return json.replace(QUOTED_MESSAGE_ID, '"message_id":$1');
  if (ids === 'all-numbers') return json.replace(QUOTED_IDS, '"$1":$2');
  return json;
}

/** The message without its own id and those of its items; a quote keeps what it refers to. */
export function withoutIds(message: WireMessage): WireMessage {
  const { message_id: _, ...rest } = message;
  return withItemIds(rest, undefined);
}

/** The same message under another id, its items under `itemId`. */
export function withId(message: WireMessage, id: string, itemId: string | undefined): WireMessage {
  return withItemIds({ ...message, message_id: id }, itemId);
}

function withItemIds(message: WireMessage, id: string | undefined): WireMessage {
  if (!Array.isArray(message.item_list)) return message;
  const item_list = message.item_list.map((item: WireMessage) =>
    item?.msg_id === undefined ? item : { ...item, msg_id: id },
  );
  return { ...message, item_list };
}
