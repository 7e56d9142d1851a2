import { type Bot, count, now, type Shown, type World } from './world.ts';

/** "Is typing" fades without a keepalive; clients repeat it every 5 s (protocol 6.2). */
const TYPING_LASTS_MS = 10_000;

/** Who a user sees typing, and for how long already. */
export interface TypingView {
  user: string;
  bot: string;
  sinceMs: number;
  /** Requests in this stretch, the first included. */
  requests: number;
}

/** Adds a line to the transcript and tells whoever listens. */
export function show(world: World, line: Omit<Shown, 'n'>): void {
  const shown: Shown = { n: world.transcript.last + 1, ...line };
  world.transcript.push(shown);
  if (shown.from === 'bot') count(world, shown.hidden === null ? 'shown' : 'hidden');
  for (const listener of world.onShown) listener(shown);
}

/** The bot starts, keeps up or ends "is typing" for a user. */
export function setTyping(world: World, bot: Bot, user: string, typing: boolean): void {
  const peer = bot.peers.get(user);
  if (!peer) return;
  const timeMs = now(world);
  if (!typing) peer.typing = null;
  else if (peer.typing && timeMs - peer.typing.lastMs < TYPING_LASTS_MS) {
    peer.typing.lastMs = timeMs;
    peer.typing.requests += 1;
  } else peer.typing = { sinceMs: timeMs, lastMs: timeMs, requests: 1 };
}

/** Everybody who sees a bot typing right now. */
export function typingNow(world: World): TypingView[] {
  const timeMs = now(world);
  return world.bots.flatMap((bot) =>
    [...bot.peers.values()].flatMap(({ user, typing }) =>
      typing && timeMs - typing.lastMs < TYPING_LASTS_MS
        ? [{ user, bot: bot.id, sinceMs: typing.sinceMs, requests: typing.requests }]
        : [],
    ),
  );
}
