import { isObject } from '../../core/object.ts';
import type { WireResult } from '../world/answer.ts';
import { readItem } from '../world/reading.ts';
import { now, type SeenRequest, type World } from '../world/world.ts';

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
