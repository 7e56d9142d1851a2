import type { Answer } from '../world/answer.ts';
import type { Bot, World } from '../world/world.ts';

/** One request as a handler sees it. */
export interface Call {
  /** Whose token it carried; endpoints that need one are not called without. */
  bot: Bot | null;
  /** The query string, still encoded, without `?`. */
  search: string;
  raw: Buffer;
  /** The parsed body of an API call; an empty object when it had none. */
  body: Record<string, unknown>;
  method: string;
  /** The `Range` header; null when there was none. */
  range: string | null;
  /** A fault asked to accept this message and not to show it. */
  dropped: boolean;
  /** Calls back once the client is gone before it was answered. */
  onAbort(listener: () => void): void;
}

/** An endpoint: waits are promises, everything else answers at once. */
export type Handler = (world: World, call: Call) => Answer | Promise<Answer>;
