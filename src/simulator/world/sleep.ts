import { type Bot, now, type World } from './world.ts';

/** Whether a login has idled for too long, and is answered -14 until it is woken (`loginIdleMs`). */
export function isAsleep(world: World, bot: Bot): boolean {
  const { loginIdleMs } = world.settings;
  if (bot.sleep === 'awake' && loginIdleMs !== null && now(world) - bot.activeMs > loginIdleMs)
    bot.sleep = 'asleep';
  return bot.sleep !== 'awake';
}

/** `notifystart`: the next poll that may wakes the bot. */
export function startWaking(bot: Bot): void {
  if (bot.sleep === 'asleep') bot.sleep = 'waking';
}

/** A poll with this cursor. Returns whether the bot is awake. */
export function wakeByPoll(world: World, bot: Bot, cursor: string): boolean {
  if (!isAsleep(world, bot)) return true;
  if (bot.sleep !== 'waking' || (world.settings.loginWakes === 'new-cursor' && cursor !== '')) return false;
  bot.sleep = 'awake';
  bot.activeMs = now(world);
  return true;
}
