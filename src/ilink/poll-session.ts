import type { Clock } from '../core/time/clock.ts';
import { abortedAfter } from '../core/time/event-loop.ts';
import type { IlinkClient } from './client.ts';
import { HELD_AFTER_MS } from './http/stop-request.ts';
import type { Poller, PollResult } from './poll.ts';

/** How a poll session begins: the server is told of an end and a beginning, or of a beginning only. */
type Beginning = 'restart' | 'start';

/** The polls between `notifystart` and `notifystop` (protocol 7). */
export interface PollSession extends Poller {
  /** Ends the held poll and has the next one begin a session. Resolves when that is held or answered, or on abort. */
  renew(how: Beginning, signal: AbortSignal): Promise<void>;
}

/**
 * See {@link PollSession}. A login that has idled for hours may be answered -14 until `notifystart` and then a poll, with
 * the cursor or without (protocol 15a). So each is tried once before a poll says that the login has expired.
 */
export function createPollSession({
  poller,
  client,
  clock,
}: {
  poller: Poller;
  client: Pick<IlinkClient, 'notifyStart' | 'notifyStop'>;
  clock: Pick<Clock, 'sleep'>;
}): PollSession {
  /** How the next poll begins; null: it goes on. */
  let next: Beginning | null = null;
  /** Ends the poll that is held. */
  let ending = new AbortController();
  /** Both signals of a poll. Made anew only where one has changed, because Node keeps each. */
  let both = { signal: ending.signal, ending: ending.signal, either: ending.signal };
  const waiting = new Set<() => void>();

  function eitherOf(signal: AbortSignal): AbortSignal {
    if (both.signal !== signal || both.ending !== ending.signal)
      both = { signal, ending: ending.signal, either: AbortSignal.any([signal, ending.signal]) };
    return both.either;
  }

  async function begin(how: Beginning, signal: AbortSignal): Promise<void> {
    if (how === 'restart') await client.notifyStop({ signal });
    await client.notifyStart({ signal });
  }

  /** One poll; `onHeld` is called if the server holds it: it has not refused the token then. */
  async function attempt(cursor: string, signal: AbortSignal, onHeld: (() => void) | null) {
    const attempted = poller.poll({ cursor, signal: eitherOf(signal) });
    if (!onHeld) return attempted;
    const over = new AbortController();
    void clock.sleep(HELD_AFTER_MS, over.signal).then(() => {
      if (!over.signal.aborted) onHeld();
    });
    try {
      return await attempted;
    } finally {
      over.abort();
    }
  }

  async function poll(cursor: string, signal: AbortSignal, onHeld: (() => void) | null): Promise<PollResult> {
    const how = next;
    next = null;
    if (ending.signal.aborted) ending = new AbortController();
    if (how !== null) await begin(how, signal);
    let result = await attempt(cursor, signal, onHeld);
    if (result.kind === 'expired' && how === null) {
      await begin('start', signal);
      result = await attempt(cursor, signal, onHeld);
    }
    if (result.kind !== 'expired' || cursor === '') return result;
    result = await attempt('', signal, onHeld);
    return 'cursor' in result ? { ...result, cursor: result.cursor ?? '' } : result;
  }

  return {
    async poll({ cursor, signal }) {
      const told = [...waiting];
      const tell = (): void => {
        for (const done of told) done();
      };
      const result = await poll(cursor, signal, told.length > 0 ? tell : null);
      if (result.kind !== 'aborted') tell();
      return result;
    },
    renew(how, signal) {
      next = next === 'restart' ? next : how;
      ending.abort();
      return new Promise((resolve) => {
        const done = (): void => {
          waiting.delete(done);
          resolve();
        };
        waiting.add(done);
        void abortedAfter(signal, done);
      });
    },
  };
}
