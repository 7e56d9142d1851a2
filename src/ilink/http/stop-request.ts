import type { Socket } from 'node:net';
import { systemClock } from '../../core/time/clock.ts';

/**
 * How a stop ends a request without losing an answer: the server hands a message out once (protocol 3.2), and an
 * answer may be on its way when nobody waits any more.
 *
 * ```text
 *   connecting --sent--> waiting --head--> answering
 *       |                   |                  |
 *      stop                stop               stop
 *       |                   v                  v
 *       |    .------- lingering --head--> finishing --stalled--> cut off
 *       |    |   held long enough             ^
 *       |    |              v                 |
 *       |    |           reading ----head-----+
 *       |    |   two turns of the event loop  |
 *       |    |              v                 |
 *       |    |         half-closed --head-----'
 *       |    |      nothing came in time
 *       v    v              v
 *       '----+---------> aborted             over: from every state, when the answer or an error is here
 * ```
 *
 * - `lingering`: a request that was sent a moment ago has time for its answer: a server that has something to say says
 *   it sooner than a long poll lasts.
 * - `reading`: an answer may lie unread in the socket; a server may break off what it has begun when it sees our end.
 * - `half-closed`: our end of the connection is closed. What the server wrote before it saw that still comes, and then
 *   its own end.
 * - `finishing`: the answer has begun and is read to its end, unless nothing more of it comes.
 */
export type StopState =
  | 'connecting'
  | 'waiting'
  | 'answering'
  | 'lingering'
  | 'reading'
  | 'half-closed'
  | 'finishing'
  | 'over';

/** A request that was sent and has no answer for so long is held: a server that has something to say says it sooner. */
export const HELD_AFTER_MS = 500;

/** After our end is closed, an answer on a slow line may still need so long. A server that sees our end closes its own. */
const HALF_CLOSED_MS = 2_000;

/** At a stop an answer that has begun is heard to its end, unless nothing more of it comes for so long. */
const STALLED_AFTER_MS = 5_000;

/** What a request tells of itself, and what is asked of it. */
export interface StoppableRequest {
  readonly state: StopState;
  /** It goes out, over this connection. null: the connection is in use for its body, which no half-close may end. */
  sent(connection: Socket | null): void;
  /** The head of the answer has come. */
  head(): void;
  /** Bytes of the answer have come. */
  data(): void;
  /** The signal has fired. */
  stop(): void;
  /** It has ended. */
  over(): void;
}

/** Follows one request; `ends` are called at most once, and end it. */
export function createStoppable(ends: { aborted(): void; cutOff(): void }): StoppableRequest {
  let state: StopState = 'connecting';
  let connection: Socket | null = null;
  let sentAtMs = 0;
  let timer: NodeJS.Timeout | undefined;

  function enter(next: StopState, afterMs?: number, then?: () => void): void {
    clearTimeout(timer);
    state = next;
    if (then) timer = setTimeout(then, afterMs);
  }
  function linger(): void {
    // Newer versions of Node warn of a time that is past.
    enter('lingering', Math.max(0, sentAtMs + HELD_AFTER_MS - systemClock.monotonic()), read);
  }
  function read(): void {
    enter('reading');
    setImmediate(() => setImmediate(() => state === 'reading' && halfClose()));
  }
  function halfClose(): void {
    if (!connection) ends.aborted();
    else {
      enter('half-closed', HALF_CLOSED_MS, ends.aborted);
      connection.end();
    }
  }
  const finish = () => enter('finishing', STALLED_AFTER_MS, ends.cutOff);

  return {
    get state() {
      return state;
    },
    sent(over) {
      connection = over;
      sentAtMs = systemClock.monotonic();
      enter('waiting');
    },
    head() {
      if (state === 'waiting') enter('answering');
      else if (state !== 'over') finish();
    },
    data() {
      if (state === 'finishing') timer?.refresh();
    },
    stop() {
      if (state === 'connecting') ends.aborted();
      else if (state === 'waiting') linger();
      else if (state === 'answering') finish();
    },
    over() {
      enter('over');
    },
  };
}
