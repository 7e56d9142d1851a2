import { isFinal, statusOf, urlOf } from '../endpoints/qr.ts';
import { botFor } from '../queue/bots.ts';
import { peerOf } from '../world/peers.ts';
import { type TypingView, typingNow } from '../world/phone.ts';
import type { Settings } from '../world/settings.ts';
import { type Bot, ownerOf, type World } from '../world/world.ts';

/** A bot as the controls show it. */
export interface BotView {
  id: string;
  user: string;
  live: boolean;
  announced: boolean;
  /** Polls waiting right now. */
  polls: number;
  /** Messages not handed out yet. */
  waiting: number;
}

/** Whoever has a phone, and what their bot may still send them. */
export interface ContactView {
  user: string;
  isOwner: boolean;
  /** The live bot that gets what they write. */
  bot: string | null;
  /** Messages this bot may send before they write again; null: any number. */
  budgetLeft: number | null;
  /** Until when, on the simulator's clock; null: no end, or no beginning. */
  windowEndsMs: number | null;
}

/** A login whose QR code is not done with. */
export interface LoginView {
  qrcode: string;
  /** What the code says. */
  url: string;
  status: string;
  user: string;
  /** Digits on the phone that the client asks for. */
  verifyCode: string | null;
  /** On the simulator's clock. */
  endsMs: number;
}

/** All that is now, without messages: what a page shows beside them. */
export interface StateView {
  /** Another one after every reset. */
  world: string;
  /** How far the simulator's clock is ahead of this machine's. */
  clockOffsetMs: number;
  contacts: ContactView[];
  typing: TypingView[];
  bots: BotView[];
  logins: LoginView[];
  /** Those that can still strike. */
  faults: { id: number; endpoint: string; kind: string; afterMs?: number; body?: unknown; struck: number }[];
  settings: Settings;
}

/** The state of now. */
export function stateOf(world: World): StateView {
  return {
    world: world.id,
    clockOffsetMs: world.clockOffsetMs,
    contacts: contactsOf(world),
    typing: typingNow(world),
    bots: world.bots.map(viewOf),
    logins: [...world.qrs.values()].flatMap((qr) => {
      const status = statusOf(world, qr);
      if (isFinal(qr)) return [];
      const { qrcode, user, verifyCode, createdMs } = qr;
      const endsMs = createdMs + world.settings.qrLifetimeMs;
      return [{ qrcode, url: urlOf(qr), status, user, verifyCode, endsMs }];
    }),
    faults: world.faults.filter(({ count, struck }) => struck < (count ?? Number.POSITIVE_INFINITY)),
    settings: { ...world.settings },
  };
}

/** A bot without its token. */
export function viewOf(bot: Bot): BotView {
  return {
    id: bot.id,
    user: bot.user,
    live: bot.live,
    announced: bot.announced,
    polls: bot.waiters.size,
    waiting: bot.queue.last - bot.handedOut,
  };
}

/** The owner first, then whoever scanned or wrote, in that order. */
function contactsOf(world: World): ContactView[] {
  const users = new Set([ownerOf(world)]);
  for (const bot of world.bots) for (const user of [bot.user, ...bot.peers.keys()]) users.add(user);
  for (const { user } of world.pending) users.add(user);
  const { quota, windowMs } = world.settings;
  return [...users].map((user) => {
    const bot = botFor(world, user, null);
    const peer = peerOf(bot, user);
    return {
      user,
      isOwner: user === ownerOf(world),
      bot: bot?.id ?? null,
      budgetLeft: !peer ? 0 : quota === 0 ? null : Math.max(0, quota - peer.sentSinceInbound),
      windowEndsMs: peer && windowMs > 0 ? peer.lastInboundMs + windowMs : null,
    };
  });
}
