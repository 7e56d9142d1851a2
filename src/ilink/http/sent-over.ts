import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/**
 * Which connection a request goes over. undici tells that to nobody who handles a request, but to its diagnostics
 * channel: in the same call as `onRequestStart`, and right after it.
 */

let taker: ((connection: Socket) => void) | null = null;

subscribe('undici:client:sendHeaders', (message) => {
  taker?.((message as { socket: Socket }).socket);
  taker = null;
});

/** For `onRequestStart`: has `take` called with the connection of the request that is starting. */
export function takeConnection(take: (connection: Socket) => void): void {
  taker = take;
}
