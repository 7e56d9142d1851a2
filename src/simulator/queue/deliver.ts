import { messageJson, type WireMessage, withId, withoutIds } from '../world/message-json.ts';
import { meet } from '../world/peers.ts';
import { isAsleep } from '../world/sleep.ts';
import {
  type Bot,
  count,
  type Inbound,
  itemIdOf,
  later,
  newMessageId,
  now,
  type World,
} from '../world/world.ts';
import { handOut } from './hand-out.ts';

/** What `replay` can hand out again. */
const REPLAY_LIMIT = 10_000;

/** Queues a message for a bot and wakes a poll. Window and quota begin anew (protocol 9.2). null leaves a field out. */
export function deliver(world: World, bot: Bot, message: WireMessage): void {
  const { duplicate, duplicateAfterMs } = world.settings;
  const peer = meet(bot, String(message.from_user_id));
  peer.sentSinceInbound = 0;
  peer.lastInboundMs = now(world);
  if (!isAsleep(world, bot)) bot.activeMs = peer.lastInboundMs;
  peer.contextTokens += 1;
  const complete: WireMessage = { ...message };
  if (complete.to_user_id === undefined) complete.to_user_id = bot.id;
  if (complete.context_token === undefined) {
    complete.context_token = world.ids.contextToken(bot.serial, peer.serial, peer.contextTokens);
  }
  for (const [name, value] of Object.entries(complete)) if (value === null) delete complete[name];
  const queue = (sent: WireMessage) =>
    enqueue(world, bot, {
      message: sent,
      json: messageJson(world.settings, bot.queue.last + 1, sent),
      raw: null,
    });
  queue(complete);
  if (duplicate === 'off') return;
  const again = () => queue(duplicateOf(world, complete, duplicate));
  if (duplicateAfterMs === 0) again();
  else later(world, duplicateAfterMs, again);
}

function duplicateOf(world: World, message: WireMessage, form: 'same-id' | 'new-id' | 'no-id'): WireMessage {
  if (form === 'same-id') return message;
  if (form === 'no-id') return withoutIds(message);
  const id = newMessageId(world);
  return withId(message, id, itemIdOf(world, id));
}

/** Puts the text of a message in a bot's queue as it is, whatever it is; `message` is what could be read of it. */
export function deliverRaw(world: World, bot: Bot, raw: string, message: WireMessage): void {
  if (typeof message.from_user_id === 'string') {
    const peer = meet(bot, message.from_user_id);
    peer.sentSinceInbound = 0;
    peer.lastInboundMs = now(world);
  }
  enqueue(world, bot, { message, json: Buffer.from(raw), raw });
}

function enqueue(world: World, bot: Bot, inbound: Inbound): void {
  bot.queue.push(inbound);
  count(world, 'inbound');
  // Only what was handed out before may go: a message nobody fetched is never lost.
  if (world.settings.mode === 'replay') {
    bot.queue.dropThrough(Math.min(bot.handedOut, bot.queue.last - REPLAY_LIMIT));
  }
  // Every message goes to one waiting poll, the one that waits longest (protocol 3.2).
  const [waiter] = bot.waiters;
  waiter?.answer(handOut(world, bot, waiter.cursor));
}
