import type { Bot, Peer } from './world.ts';

/** What this bot has with a user, made on the user's first message. */
export function meet(bot: Bot, user: string): Peer {
  const known = bot.peers.get(user);
  if (known) return known;
  const peer: Peer = {
    user,
    serial: bot.peers.size + 1,
    contextTokens: 0,
    sentSinceInbound: 0,
    lastInboundMs: 0,
    ticket: null,
    typing: null,
  };
  bot.peers.set(user, peer);
  return peer;
}

/** The peer named in a request, when that user has written to this bot. */
export function peerOf(bot: Bot | null, user: unknown): Peer | null {
  return typeof user === 'string' ? (bot?.peers.get(user) ?? null) : null;
}
