import { isObject } from '../../core/object.ts';
import { isFinal, statusOf, urlOf } from '../endpoints/qr.ts';
import { botFor } from '../queue/bots.ts';
import type { WireResult } from '../world/answer.ts';
import { peerOf } from '../world/peers.ts';
import { type TypingView, typingNow } from '../world/phone.ts';
import { readItem } from '../world/read-item.ts';
import type { Settings } from '../world/settings.ts';
import { type Bot, now, ownerOf, type SeenRequest, type World } from '../world/world.ts';

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

/** A message whose only response was lost, or is not known to have arrived. */
export interface LostMessage {
  messageId: string | null;
  user: string;
  bot: string;
  text: string;
  /** When it was handed out, on the simulator's clock. */
  timeMs: number;
  /** `unfollowed`: no poll with its cursor came yet; the others: how the response broke. */
  reason: Exclude<WireResult, 'sent'> | 'unfollowed';
}

/** A request without the token it carried. */
export type RequestView = SeenRequest;

/** Figures since the start or the last reset. */
export interface Stats {
  seed: number;
  timeMs: number;
  /** Requests by endpoint, and `inbound`, `handedOut`, `sendsAccepted`, `sendsRefused`, `shown`, `hidden`, `faults`. */
  counts: Record<string, number>;
  bots: number;
  blobBytes: number;
  memoryBytes: number;
}

/** Everything handed out that no poll has acknowledged by coming with that response's cursor. */
export function lostMessages(world: World): LostMessage[] {
  return world.bots.flatMap((bot) =>
    [...bot.batches.values()].flatMap((batch) =>
      batch.messages.map((message) => {
        const [item] = Array.isArray(message.item_list) ? message.item_list : [];
        return {
          messageId: typeof message.message_id === 'string' ? message.message_id : null,
          user: String(message.from_user_id),
          bot: bot.id,
          text: readItem(world, isObject(item) ? item : {}).text,
          timeMs: batch.timeMs,
          reason: batch.wireResult === 'sent' ? 'unfollowed' : batch.wireResult,
        };
      }),
    ),
  );
}

/** Requests seen, oldest first; the bearer token is replaced. */
export function seenRequests(world: World, endpoint: string | undefined, after: number): RequestView[] {
  return world.requests
    .after(0)
    .filter((request) => request.n > after && (endpoint === undefined || request.endpoint === endpoint))
    .map((request) => {
      const { authorization, ...headers } = request.headers;
      return {
        ...request,
        headers: authorization === undefined ? headers : { ...headers, authorization: 'Bearer ***' },
      };
    });
}

/** The figures of now. */
export function statsOf(world: World): Stats {
  return {
    seed: world.seed,
    timeMs: now(world),
    counts: Object.fromEntries(world.counts),
    bots: world.bots.filter(({ live }) => live).length,
    blobBytes: world.blobBytes,
    memoryBytes: process.memoryUsage().rss,
  };
}
