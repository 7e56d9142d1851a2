import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { eventsDelivered, within } from '../../../core/time/event-loop.ts';

/** How long the pipe of a child that has exited is read, when something else keeps it open. */
export const DRAIN_MS = 500;

/** More than any system keeps in a pipe: what comes after it was written by something that lives. */
const MOST_LEFT_BYTES = 1024 * 1024;

/**
 * Reads what an exited child has left in its pipes, and resolves with what `over` does: their end, mostly; or with null
 * when something else keeps them open. Then `waitMs` have passed, and nothing that was written before is left: time
 * alone says nothing, since all of it may have passed while nobody looked.
 */
export async function drained<T>(child: ChildProcess, waitMs: number, over: Promise<T>): Promise<T | null> {
  const startBytes = bytesRead(child);
  let found = await within(waitMs, over);
  for (let before = -1; found === null; ) {
    const now = bytesRead(child);
    if (now === before || now - startBytes > MOST_LEFT_BYTES) return null;
    before = now;
    found = await Promise.race([over, eventsDelivered()]);
  }
  return found;
}

/** Bytes that came out of the child so far, those that wait here to be taken not counted. */
function bytesRead({ stdout, stderr }: ChildProcess): number {
  return taken(stdout) + taken(stderr);
}

function taken(stream: Readable | null): number {
  // Pipes to children are sockets.
  const { bytesRead: read = 0 } = (stream ?? {}) as { bytesRead?: number };
  return read - (stream?.readableLength ?? 0);
}
