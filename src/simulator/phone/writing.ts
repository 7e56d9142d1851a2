import { WxError } from '../../core/errors.ts';
import { isObject } from '../../core/object.ts';
import { parseLossless } from '../../ilink/wire/json.ts';
import { ITEM_TYPE, MESSAGE_STATE, MESSAGE_TYPE } from '../../ilink/wire/wire.ts';
import { botFor } from '../queue/bots.ts';
import { deliver, deliverRaw } from '../queue/deliver.ts';
import type { WireMessage } from '../world/message-json.ts';
import { show } from '../world/phone.ts';
import { readItem } from '../world/read-item.ts';
import { itemIdOf, newMessageId, now, ownerOf, type World } from '../world/world.ts';
import { type QuoteInput, refMessage } from './quotes.ts';
import { type MediaInput, mediaItem } from './user-media.ts';

/** What a user writes: exactly one of text, image, voice, file, video and items, unless a raw message has its own. */
export interface UserMessage {
  /** Who writes; the owner when absent. */
  user?: string;
  /** To which bot; the user's own when absent. */
  bot?: string;
  text?: string;
  image?: MediaInput;
  voice?: MediaInput;
  file?: MediaInput;
  video?: MediaInput;
  quote?: QuoteInput;
  /** A raw `item_list`. */
  items?: unknown[];
  /** Raw fields of the message, in wire names, laid over what was built; null leaves a field out. */
  message?: WireMessage;
}

/** What became of a written message. */
export interface Written {
  /** null when the raw message said so. */
  messageId: string | null;
  user: string;
  /** null: no bot yet, it waits for the login. */
  bot: string | null;
}

const MEDIA = ['image', 'voice', 'file', 'video'] as const;

/**
 * Puts the text of a message into a poll exactly as it is, JSON or not: nothing is added, and its users are not checked.
 * To the bot named, or the newest; without one it waits for the owner's login. Throws `not-found` for a bot that is not there.
 */
export function writeRaw(world: World, raw: string, botId: string | null): { bot: string | null } {
  const bot = world.bots.findLast(({ live, id }) => live && (botId === null || id === botId));
  if (!bot && botId !== null) throw new WxError('not-found', `no live bot ${botId}`);
  let message: unknown;
  try {
    message = parseLossless(raw);
  } catch {
    // What clients make of it is the question.
  }
  const read = isObject(message) ? message : {};
  if (bot) deliverRaw(world, bot, raw, read);
  else world.pending.push({ user: ownerOf(world), message: read, raw });
  return { bot: bot?.id ?? null };
}

/** A user writes; throws `usage` when that user may not or the message has no content. */
export function writeMessage(world: World, input: UserMessage): Written {
  const user = input.user ?? ownerOf(world);
  const bot = botFor(world, user, input.bot ?? null);
  if (input.bot !== undefined && !bot) throw new WxError('not-found', `no live bot ${input.bot}`);
  if (bot && bot.user !== user && !world.settings.strangers) {
    throw new WxError('usage', `${user} did not scan this bot`, { hint: 'switch on the setting strangers' });
  }
  if (!bot && !world.settings.strangers && user !== ownerOf(world) && world.bots.some(({ live }) => live)) {
    throw new WxError('usage', `${user} has no bot`, {
      hint: 'scan as that user, or switch on the setting strangers',
    });
  }
  const messageId = newMessageId(world);
  const timeMs = now(world);
  // Every field of the captures (protocol 15a); those without a value are the bot's.
  const message: WireMessage = {
    message_id: messageId,
    from_user_id: user,
    to_user_id: undefined,
    client_id: world.ids.clientId(timeMs),
    create_time_ms: timeMs,
    update_time_ms: timeMs + 106,
    delete_time_ms: 0,
    session_id: '',
    group_id: '',
    message_type: MESSAGE_TYPE.user,
    message_state: MESSAGE_STATE.finish,
    item_list: itemsOf(world, input, messageId, timeMs),
    context_token: undefined,
    root_id: 0,
    parent_id: 0,
    ...input.message,
  };
  const id = message.message_id === null ? null : String(message.message_id);
  const first = Array.isArray(message.item_list) ? message.item_list[0] : undefined;
  show(world, {
    ...readItem(world, isObject(first) ? first : {}),
    timeMs,
    user,
    bot: bot?.id ?? null,
    from: 'user',
    // Their own phone has the file itself.
    grey: null,
    hidden: null,
    clientId: null,
    messageId: id,
    runId: null,
    quote: input.quote?.id ?? null,
    state: MESSAGE_STATE.finish,
  });
  if (bot) deliver(world, bot, message);
  else world.pending.push({ user, message, raw: null });
  return { messageId: id, user, bot: bot?.id ?? null };
}

function itemsOf(world: World, input: UserMessage, messageId: string, timeMs: number): unknown[] {
  if (input.items) return input.items;
  const times = { create_time_ms: timeMs, update_time_ms: timeMs, is_completed: true };
  const envelope = {
    ...times,
    msg_id: itemIdOf(world, messageId),
    button_item_list: [],
    at_bot_username_list: [],
  };
  const ref_msg = input.quote ? refMessage(world, input.quote) : undefined;
  const contents: WireMessage[] = [];
  if (input.text !== undefined) contents.push({ type: ITEM_TYPE.text, text_item: { text: input.text } });
  for (const kind of MEDIA) {
    const media = input[kind];
    if (media) contents.push(mediaItem(world, kind, media));
  }
  const [content] = contents;
  // On the phone a picture and a text are two messages (protocol 10.2).
  if (contents.length > 1)
    throw new WxError('usage', 'one message has one text, image, voice, file or video');
  if (content) return [{ type: content.type, ...envelope, ...content, ...(ref_msg ? { ref_msg } : {}) }];
  if (input.message) return [];
  throw new WxError('usage', 'a message needs text, image, voice, file, video, items or message');
}
