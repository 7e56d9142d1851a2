import type { ServerResponse } from 'node:http';
import type { StateEvent } from '../../store/port/port.ts';
import { eventShown } from '../../views/event.ts';
import type { Caller } from '../access/authenticate.ts';
import type { WebBackend } from '../port/backend.ts';
import { idOf, placeOf } from './event-id.ts';
import { createEventLog, type ToldEvent } from './event-reader.ts';
import { startStream } from './stream.ts';
import { follow } from './subscriber.ts';

/**
 * Streams at the same time: of one token; of one browser, which has six connections and needs some for the rest; and of all.
 */
const OF_TOKEN = 5;
const OF_BROWSER = 4;
const OF_ALL = 200;
/** How long a stream lives, give or take a fifth, so that not all come back at once. */
const LIFE_MS = 30 * 60_000;
/** How often it is asked whether a token still counts. */
const CHECK_MS = 5_000;

/** Who wants events, and from where on. */
export interface EventRequest {
  caller: Caller;
  /** Who asks, as long as they may; null: no longer. */
  again(): Promise<Caller | null>;
  /** The ID of the last event that they know; empty: none. */
  knownId: string;
  /** What asks, so that its new stream takes the place of one whose loss nobody has told; empty: it does not say. */
  page: string;
  outgoing: ServerResponse;
}

/** The streams of state events of a server. */
export interface EventStreams {
  /** Begins a stream on a response; false: there are too many. */
  open(request: EventRequest): boolean;
  readonly count: number;
  /** Ends all streams. */
  close(): void;
}

/** See {@link EventStreams}. */
export function createEventStreams(backend: WebBackend): EventStreams {
  const { store, clock, log, instance } = backend;
  const names = new Map<string, string>();
  const open = new Map<object, { of: string; page: string; end(): void }>();

  /** The events with the IDs of their accounts: in the log are their keys, which a new login does not change. */
  async function tell(events: Parameters<typeof eventShown>[0][]): Promise<ToldEvent[]> {
    if (events.some(({ account }) => account !== null && !names.has(account)))
      for (const { key, id } of await backend.accounts()) names.set(key, id);
    return events.map((event) => {
      const account = event.account === null ? null : (names.get(event.account) ?? event.account);
      const shown = eventShown(event, account);
      const text = `id: ${idOf(instance, event)}\nevent: ${shown.type}\ndata: ${JSON.stringify(shown)}\n\n`;
      return { text, ...event };
    });
  }

  const eventLog = createEventLog(store.events, { clock, log, tell: (events) => tell([...events]) });

  return {
    open({ caller, again, knownId, page, outgoing }) {
      const of = caller.session?.digest ?? caller.name;
      for (const [key, one] of open) {
        if (page === '' || one.of !== of || one.page !== page) continue;
        one.end();
        open.delete(key);
      }
      const own = [...open.values()].filter((one) => one.of === of);
      if (own.length >= (caller.session ? OF_BROWSER : OF_TOKEN) || open.size >= OF_ALL) return false;
      const stream = startStream(outgoing);
      const place = {};
      open.set(place, { of, page, end: stream.end });
      const leftMs = (caller.expiresAtMs ?? Number.POSITIVE_INFINITY) - clock.now();
      const life = setTimeout(stream.end, Math.min(LIFE_MS * (0.8 + 0.4 * Math.random()), leftMs));
      const check = setInterval(async () => {
        // Who comes back is told what is wrong with the store; an open stream would look like peace.
        if ((await again().catch(() => null)) === null) stream.end();
      }, CHECK_MS);
      const mayKnow = ({ account, user }: StateEvent): boolean =>
        (caller.account === null || account === caller.account) &&
        (caller.user === null || user === null || user === caller.user);
      const receiver = {
        mayKnow,
        isFor: (event: StateEvent) => mayKnow(event) && (event.kind !== 'audit' || caller.scope === 'admin'),
        // Who may not see all events gets no ID of one that may be none of theirs.
        reset: (end: Parameters<typeof idOf>[1]) =>
          stream.reset(caller.account === null && caller.user === null ? idOf(instance, end) : null),
        push: stream.push,
        pull: stream.pull,
      };
      const known = placeOf(instance, knownId);
      void follow(eventLog, receiver, { known, signal: stream.signal })
        // The store fails: they come back.
        .catch(() => outgoing.destroy())
        .finally(() => {
          clearTimeout(life);
          clearInterval(check);
          open.delete(place);
        });
      return true;
    },
    get count() {
      return open.size;
    },
    close() {
      for (const { end } of open.values()) end();
    },
  };
}
