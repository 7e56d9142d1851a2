import { reasonOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { EventPlace, Events, StateEvent } from '../../store/port/port.ts';

/** How often the log is read for all who follow it. */
const LOOK_MS = 250;
/** The most events that are read at once. */
const PAGE = 500;
/** After a failure of the store. */
const PAUSE_MS = 1_000;
const BEGINNING: EventPlace = { xid: 0, seq: 0, atMs: 0 };

export interface ToldEvent extends StateEvent {
  text: string;
}

/** What follows a place in the log; see `Following`. */
export interface ToldFollowing {
  events: readonly ToldEvent[];
  isWhole: boolean;
}

/** Gets what is new, in the order of the log. */
export type Listener = (following: ToldFollowing) => void;

/** Says how events are told: once for all who get them. */
export type Tell = (events: readonly StateEvent[]) => Promise<ToldEvent[]>;

/**
 * The log of the store, read once for all who follow it, and only while somebody does. It is asked by itself: a NOTIFY with
 * every commit would cost the runners more than a small query costs the server.
 */
export interface EventLog {
  /** Begins to read, and resolves when {@link end} is known. Each call needs one of {@link release}. */
  hold(): Promise<void>;
  release(): void;
  /** The place of the last event that the listeners got. */
  readonly end: EventPlace;
  /** From now on, everything behind {@link end}. Returns what ends it. */
  listen(listener: Listener): () => void;
  /** The event at a place; null: there is none, or no longer. */
  at(place: EventPlace): Promise<StateEvent | null>;
  /** The oldest events behind a place. */
  after(place: EventPlace): Promise<ToldFollowing>;
}

/** See {@link EventLog}. */
export function createEventLog(
  events: Pick<Events, 'newest' | 'at' | 'after'>,
  { clock, log, tell }: { clock: Pick<Clock, 'sleep'>; log: Log; tell: Tell },
): EventLog {
  const listeners = new Set<Listener>();
  let held = 0;
  let end = BEGINNING;
  let reading: { start: Promise<void>; stop: AbortController } | null = null;

  async function page(place: EventPlace): Promise<ToldFollowing> {
    const found = await events.after({ place, limit: PAGE });
    return found.events.length === 0
      ? { ...found, events: [] }
      : { ...found, events: await tell(found.events) };
  }

  async function read(signal: AbortSignal): Promise<void> {
    let isTold = false;
    while (!signal.aborted) {
      try {
        const found = await page(end);
        if (signal.aborted) return;
        isTold = false;
        const last = found.events.at(-1);
        if (last) {
          end = last;
          for (const listener of [...listeners]) listener(found);
        }
        if (found.events.length < PAGE) await clock.sleep(LOOK_MS, signal);
      } catch (error) {
        if (!isTold) log.warn(`events wait for the store: ${reasonOf(error)}`);
        isTold = true;
        await clock.sleep(PAUSE_MS, signal);
      }
    }
  }

  function start(): { start: Promise<void>; stop: AbortController } {
    const stop = new AbortController();
    const found = events.newest().then((newest) => {
      if (stop.signal.aborted) return;
      end = newest ?? BEGINNING;
      void read(stop.signal);
    });
    return { start: found, stop };
  }

  return {
    async hold() {
      held++;
      reading ??= start();
      const { start: started } = reading;
      try {
        await started;
      } catch (error) {
        this.release();
        throw error;
      }
    },
    release() {
      held--;
      if (held > 0) return;
      reading?.stop.abort();
      reading = null;
    },
    get end() {
      return end;
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    at: (place) => events.at(place),
    after: page,
  };
}
