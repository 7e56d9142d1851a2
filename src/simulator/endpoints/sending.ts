import { isObject } from '../../core/object.ts';
import { ITEM_TYPE, MESSAGE_STATE, MESSAGE_TYPE } from '../../ilink/wire/wire.ts';
import { type Answer, INVALID_ARGUMENTS, ok, refused } from '../world/answer.ts';
import { isBurst, mustWait, noteSend } from '../world/burst-limit.ts';
import { peerOf } from '../world/peers.ts';
import { show } from '../world/phone.ts';
import { readItem } from '../world/read-item.ts';
import type { Settings } from '../world/settings.ts';
import { type Bot, count, keepNewest, newMessageId, now, type Peer, type World } from '../world/world.ts';
import type { Handler } from './handler.ts';

/** `client_id`s remembered per bot. */
const CLIENT_ID_LIMIT = 10_000;
const FIELD_LIMIT = 4_096;
/** What a bot may send; voice is accepted though no phone shows it (protocol 4.2, 12). */
const SENDABLE: ReadonlySet<unknown> = new Set([
  ITEM_TYPE.text,
  ITEM_TYPE.image,
  ITEM_TYPE.voice,
  ITEM_TYPE.file,
  ITEM_TYPE.video,
  ITEM_TYPE.toolStart,
  ITEM_TYPE.toolResult,
]);
const STATES: ReadonlySet<unknown> = new Set(Object.values(MESSAGE_STATE));

/** `sendmessage` (protocol 4): every rule of protocol 15, in the order a gateway would ask. */
export const sendMessage: Handler = (world, call) => {
  const answer = accept(world, call.bot as Bot, call.body.msg, call.dropped);
  if (typeof answer !== 'string') {
    count(world, 'sendsRefused');
    return answer;
  }
  count(world, 'sendsAccepted');
  return ok(successBody(world.settings, answer));
};

/** The id of the message, or why it is refused. */
function accept(world: World, bot: Bot, msg: unknown, dropped: boolean): string | Answer {
  const { settings } = world;
  if (!isObject(msg) || !Array.isArray(msg.item_list) || msg.item_list.length !== 1) return INVALID_ARGUMENTS;
  const item: unknown = msg.item_list[0];
  const state = msg.message_state ?? MESSAGE_STATE.new;
  if (!isObject(item) || !SENDABLE.has(item.type)) return INVALID_ARGUMENTS;
  if (msg.message_type !== MESSAGE_TYPE.bot || !STATES.has(state)) return INVALID_ARGUMENTS;
  if (typeof msg.to_user_id !== 'string' || msg.to_user_id === '') return INVALID_ARGUMENTS;
  const content = readItem(world, item);
  // What is kept of each message; the real limits are not known, but nobody may fill the memory with them.
  const kept = [msg.client_id, msg.run_id, content.fileName, content.media?.param, content.media?.key];
  if (kept.some((text) => typeof text === 'string' && text.length > FIELD_LIMIT)) return INVALID_ARGUMENTS;
  if (content.kind === 'text' && content.text === '') return INVALID_ARGUMENTS;

  const clientId = typeof msg.client_id === 'string' && msg.client_id !== '' ? msg.client_id : null;
  const earlier = clientId === null ? undefined : bot.clientIds.get(clientId);
  // A message that was begun cannot be finished under its own id (protocol 4.4).
  if (earlier?.state === MESSAGE_STATE.generating && state === MESSAGE_STATE.finish) return refused(-2, null);
  if (earlier && settings.dedupe) return earlier.messageId;

  const timeMs = now(world);
  if (isBurst(bot, settings, timeMs)) return refused(-2, 'prepare failed');
  const peer = peerOf(bot, msg.to_user_id);
  if (!peer || Buffer.byteLength(content.text) > settings.maxTextBytes) return refused(-2, 'prepare failed');
  const stale = contextRefusal(world, bot, peer, msg.context_token);
  if (stale) return stale;
  const limited = mustWait(peer, settings, timeMs);
  if (limited && settings.limitAnswer !== 'drop') {
    return refused(-2, settings.limitAnswer === 'no-errmsg' ? null : 'prepare failed');
  }

  // A session that has grown old says nothing about what is wrong.
  if (settings.sessionMs !== null && timeMs - bot.announcedMs > settings.sessionMs) return refused(-2, null);

  const messageId = newMessageId(world);
  bot.activeMs = timeMs;
  noteSend(bot, settings, timeMs);
  peer.sentSinceInbound += 1;
  if (clientId !== null) {
    bot.clientIds.set(clientId, { messageId, state: Number(state) });
    keepNewest(bot.clientIds, CLIENT_ID_LIMIT);
  }
  show(world, {
    ...content,
    timeMs,
    user: peer.user,
    bot: bot.id,
    from: 'bot',
    hidden: dropped ? 'dropped' : limited ? 'limit' : content.kind === 'voice' ? 'voice' : null,
    clientId,
    messageId,
    runId: typeof msg.run_id === 'string' ? msg.run_id : null,
    quote: null,
    state: Number(state),
  });
  return messageId;
}

/** A missing token gets a bare -2, a wrong one the words of a stale session (protocol 8). */
function contextRefusal(world: World, bot: Bot, peer: Peer, token: unknown): Answer | null {
  const { contextCheck } = world.settings;
  if (contextCheck === 'off') return null;
  if (typeof token !== 'string' || token === '') return refused(-2, null);
  if (contextCheck === 'present') return null;
  const issued = world.ids.readContextToken(token, bot.serial, peer.serial);
  return issued === null || issued > peer.contextTokens ? refused(-2, 'unknown error') : null;
}

/** The bodies a success was seen with (protocol 1.5, 15a). */
function successBody(settings: Settings, messageId: string): string {
  switch (settings.sendAnswer) {
    case 'number':
      return `{"message_id":${messageId}}`;
    case 'ret-number':
      return `{"ret":0,"message_id":${messageId}}`;
    case 'string':
      return `{"ret":0,"message_id":"${messageId}"}`;
    case 'ret':
      return '{"ret":0}';
    case 'object':
      return '{}';
    case 'empty':
      return '';
  }
}
