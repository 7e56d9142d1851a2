import type { EventPlace, StateEvent } from '../../store/port/port.ts';
import { isBehind } from './event-id.ts';
import type { EventLog, Listener, ToldEvent } from './event-reader.ts';

/** Who gets the events. */
export interface Receiver {
  /** Whether they may know that there is such an event. */
  mayKnow(event: StateEvent): boolean;
  isFor(event: StateEvent): boolean;
  /** What they know may be old: they have to load it anew. Behind `end` they miss nothing. */
  reset(end: EventPlace): void;
  /** New events, at once. */
  push(events: readonly ToldEvent[]): void;
  /** Events that they have missed; resolves when they can take more. */
  pull(events: readonly ToldEvent[]): Promise<void>;
}

/**
 * Gives a receiver every event behind the one they know, in order, each once, until the signal is aborted. What they have
 * missed is read from the log at their own pace; where that is at its end, they get what is new with all others, and nothing
 * can come in between: both happen in the same moment. Without `known`, or when it is not in the log any more, they are reset.
 */
export async function follow(
  log: EventLog,
  receiver: Receiver,
  { known, signal }: { known: EventPlace | null; signal: AbortSignal },
): Promise<void> {
  await log.hold();
  try {
    const found = known && (await log.at(known));
    if (signal.aborted) return;
    // One that they may not see would tell them that it is there.
    const isKnown = found !== null && receiver.mayKnow(found);
    let at: EventPlace = isKnown ? found : log.end;
    if (!isKnown) receiver.reset(at);
    while (isBehind(log.end, at)) {
      const { events: missed, isWhole } = await log.after(at);
      if (signal.aborted) return;
      if (!isWhole) {
        at = log.end;
        receiver.reset(at);
        continue;
      }
      const wanted = missed.filter((event) => receiver.isFor(event));
      if (wanted.length > 0) await receiver.pull(wanted);
      if (signal.aborted) return;
      at = missed.at(-1) ?? log.end;
    }
    await listening(log, signal, ({ events, isWhole }) => {
      if (!isWhole) return receiver.reset(log.end);
      const wanted = events.filter((event) => isBehind(event, at) && receiver.isFor(event));
      if (wanted.length > 0) receiver.push(wanted);
    });
  } finally {
    log.release();
  }
}

function listening(log: EventLog, signal: AbortSignal, listener: Listener): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const end = log.listen(listener);
  return new Promise((resolve) => {
    const stop = (): void => {
      end();
      resolve();
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}
