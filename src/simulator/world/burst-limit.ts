import type { Settings } from './settings.ts';
import type { Bot, Peer } from './world.ts';

/** Whether the burst rule of a bot refuses an attempt; each one in a penalty starts it again (protocol 9.2). */
export function isBurst(bot: Bot, settings: Settings, nowMs: number): boolean {
  const { burstLimit, burstWithinMs, burstPenaltyMs } = settings;
  if (burstLimit === 0) return false;
  const oldest = bot.recentSends.length < burstLimit ? undefined : bot.recentSends.at(-burstLimit);
  const refused = nowMs < bot.penaltyEndsMs || (oldest !== undefined && nowMs - oldest < burstWithinMs);
  if (refused) bot.penaltyEndsMs = nowMs + burstPenaltyMs;
  return refused;
}

/** Notes an accepted send for {@link isBurst}. */
export function noteSend(bot: Bot, settings: Settings, nowMs: number): void {
  bot.recentSends.push(nowMs);
  if (bot.recentSends.length > settings.burstLimit) bot.recentSends.shift();
}

/** Whether the user must write first: the quota is used up or the window has closed (protocol 9.2). */
export function mustWait(peer: Peer, settings: Settings, nowMs: number): boolean {
  const { quota, windowMs } = settings;
  if (quota > 0 && peer.sentSinceInbound >= quota) return true;
  return windowMs > 0 && nowMs - peer.lastInboundMs > windowMs;
}
