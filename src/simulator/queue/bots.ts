import { SESSION_TIMEOUT } from '../world/answer.ts';
import { createNumberedList } from '../world/numbered-list.ts';
import { type Bot, now, type World } from '../world/world.ts';
import { deliver, deliverRaw } from './deliver.ts';

/** Binds a new bot to a user (protocol 2.2): an older one dies, and leaves it what was not handed out. */
export function bindBot(world: World, user: string): Bot {
  for (const bot of world.bots) if (bot.live && bot.user === user) killBot(world, bot);
  const id = world.ids.botId();
  const bot: Bot = {
    id,
    token: world.ids.botToken(id),
    user,
    serial: world.bots.length + 1,
    live: true,
    announced: false,
    announcedMs: 0,
    activeMs: now(world),
    sleep: 'awake',
    queue: createNumberedList(),
    handedOut: 0,
    cursorMs: 0,
    waiters: new Set(),
    batches: new Map(),
    peers: new Map(),
    recentSends: [],
    penaltyEndsMs: 0,
    clientIds: new Map(),
  };
  world.bots.push(bot);
  world.botsByToken.set(bot.token, bot);
  const waiting = world.pending;
  world.pending = [];
  for (const entry of waiting) {
    if (botFor(world, entry.user, null) !== bot) world.pending.push(entry);
    else if (entry.raw === null) deliver(world, bot, entry.message);
    else deliverRaw(world, bot, entry.raw, entry.message);
  }
  return bot;
}

/** Ends a token: its waiting polls and all later calls are answered -14. */
export function killBot(world: World, bot: Bot): void {
  bot.live = false;
  world.botsByToken.delete(bot.token);
  for (const waiter of [...bot.waiters]) waiter.answer(SESSION_TIMEOUT);
  for (const { message, raw } of bot.queue.after(bot.handedOut)) {
    // Ids and content stay, the rest was the dead bot's.
    const rest = { ...message, context_token: undefined, to_user_id: undefined };
    world.pending.push({ user: raw === null ? String(message.from_user_id) : bot.user, message: rest, raw });
  }
  bot.queue.dropThrough(bot.queue.last);
}

/** The live bot a user's messages go to: the one named, else their own, else for strangers the newest. */
export function botFor(world: World, user: string, botId: string | null): Bot | null {
  if (botId !== null) return world.bots.find((bot) => bot.live && bot.id === botId) ?? null;
  const live = world.bots.filter((bot) => bot.live);
  return (
    live.findLast((bot) => bot.user === user) ?? (world.settings.strangers ? (live.at(-1) ?? null) : null)
  );
}
