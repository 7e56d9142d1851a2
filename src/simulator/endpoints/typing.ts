import { TYPING_STATUS } from '../../ilink/wire/wire.ts';
import { INVALID_ARGUMENTS, ok, refused } from '../world/answer.ts';
import { peerOf } from '../world/peers.ts';
import { setTyping } from '../world/phone.ts';
import { startWaking } from '../world/sleep.ts';
import { type Bot, now } from '../world/world.ts';
import type { Handler } from './handler.ts';

/** Official clients keep a ticket for up to a day (protocol 6.1). */
const TICKET_LIFETIME_MS = 86_400_000;

/** `getconfig` (protocol 6.1): a typing ticket, empty for a user this bot does not know. */
export const getConfig: Handler = (world, call) => {
  if (!call.body.ilink_user_id) return refused(-2, 'ilink_user_id required');
  const peer = peerOf(call.bot as Bot, call.body.ilink_user_id);
  if (!peer) return ok('{"ret":0,"typing_ticket":""}');
  const timeMs = now(world);
  if (!peer.ticket || timeMs - peer.ticket.timeMs > TICKET_LIFETIME_MS / 2) {
    peer.ticket = { text: world.ids.ticket(), timeMs };
  }
  return ok(JSON.stringify({ ret: 0, typing_ticket: peer.ticket.text }));
};

/** `sendtyping` (protocol 6.2). */
export const sendTyping: Handler = (world, call) => {
  const { ilink_user_id: user, typing_ticket: ticket, status } = call.body;
  if (!user) return refused(-2, 'ilink_user_id required');
  const bot = call.bot as Bot;
  const peer = peerOf(bot, user);
  const current =
    peer?.ticket && now(world) - peer.ticket.timeMs <= TICKET_LIFETIME_MS ? peer.ticket.text : null;
  if (!peer || ticket !== current) return INVALID_ARGUMENTS;
  if (status !== TYPING_STATUS.typing && status !== TYPING_STATUS.cancel) return INVALID_ARGUMENTS;
  setTyping(world, bot, peer.user, status === TYPING_STATUS.typing);
  return ok('{"ret":0}');
};

/** `msg/notifystart` (protocol 7): the chat header says "connected". */
export const notifyStart: Handler = (world, call) => {
  const bot = call.bot as Bot;
  if (!bot.announced) bot.announcedMs = now(world);
  bot.announced = true;
  startWaking(bot);
  return ok('{"ret":0}');
};

/** `msg/notifystop` (protocol 7). */
export const notifyStop: Handler = (_world, call) => {
  (call.bot as Bot).announced = false;
  return ok('{"ret":0}');
};
