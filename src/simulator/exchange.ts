import type { Bot, World } from './world.ts';

/**
 * What became of an answer: `sent`, or how it was lost on the wire. Only a
 * server that breaks on purpose can know it.
 */
export type Fate = 'sent' | 'aborted' | 'status' | 'reset' | 'cut' | 'garbage' | 'hang' | 'answer';

/** One request as a handler sees it. */
export interface Call {
  /** Whose token it carried; endpoints that need one are not called without. */
  bot: Bot | null;
  /** The query string, still encoded, without `?`. */
  search: string;
  /** The raw body. */
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

/** What a handler answers. */
export interface Answer {
  status: number;
  body: string | Buffer;
  headers?: Record<string, string>;
  /** Told once what became of the answer. */
  onFate?(fate: Fate): void;
}

/** An endpoint: waits are promises, everything else answers at once. */
export type Handler = (world: World, call: Call) => Answer | Promise<Answer>;

/** HTTP 200 with a JSON text: how iLink answers everything, errors included (protocol 1.5). */
export function ok(body: string | Buffer, onFate?: (fate: Fate) => void): Answer {
  return onFate ? { status: 200, body, onFate } : { status: 200, body };
}

/** An error in `ret`; without `errmsg` when that is null (protocol 8). */
export function refused(ret: number, errmsg: string | null): Answer {
  return ok(JSON.stringify(errmsg === null ? { ret } : { ret, errmsg }));
}

/** The token is dead, unknown or missing (protocol 1.2). */
export const SESSION_TIMEOUT: Answer = ok('{"errcode":-14,"errmsg":"session timeout"}');

/** A caller's mistake (protocol 8). */
export const INVALID_ARGUMENTS: Answer = refused(-2, 'invalid arguments');
