import type { Clock } from '../core/time/clock.ts';
import type { Connection } from './connection.ts';
import { isFull } from './failures.ts';

/** While others use what there is, a new connection is tried again after the first pause, which doubles up to the last. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** Connections that are used by one step at a time. How many there are is up to those who ask for them at the same time. */
export interface Pool {
  /**
   * A connection that rests, the one that was used last, so that a quiet process has one; or else a new one. Where none can
   * be opened, because the server has no more for us, it is the next one that others have done with. Rejects with the error
   * when nobody has one.
   */
  acquire(): Promise<Connection>;
  /** Gives back a connection. One that has failed is closed: nobody gets it again. */
  release(connection: Connection, how?: 'failed'): Promise<void>;
  /** Calls `act` for all connections. */
  each(act: (connection: Connection) => void): void;
  /** Closes those that rest. */
  close(): Promise<void>;
}

/** Somebody who waits: they get a connection, null when it is time to try again, or hear that nobody has one any more. */
interface Waiter {
  give(connection: Connection | null): void;
  fail(): void;
}

/** See {@link Pool}. */
export function createPool(open: () => Promise<Connection>, clock: Clock): Pool {
  const all = new Set<Connection>();
  const resting: Connection[] = [];
  const waiting = new Set<Waiter>();
  /** How many are in use, or are being opened. */
  let used = 0;

  function endOne(): void {
    used--;
    if (used === 0) for (const waiter of waiting) waiter.fail();
  }

  async function openOne(): Promise<Connection> {
    used++;
    try {
      const connection = await open();
      all.add(connection);
      return connection;
    } catch (error) {
      endOne();
      throw error;
    }
  }

  /** The next connection that is given back; null when it is time to try again to open one. */
  function lent(ms: number, error: unknown): Promise<Connection | null> {
    const over = new AbortController();
    return new Promise((resolve, reject) => {
      const end = (): void => {
        waiting.delete(waiter);
        over.abort();
      };
      const waiter: Waiter = {
        give(connection) {
          end();
          resolve(connection);
        },
        fail() {
          end();
          reject(error);
        },
      };
      waiting.add(waiter);
      void clock.sleep(ms, over.signal).then(() => waiter.give(null));
    });
  }

  async function discard(connection: Connection): Promise<void> {
    all.delete(connection);
    await connection.close('now');
  }

  return {
    async acquire() {
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
        const rested = resting.pop();
        if (rested?.isOpen) {
          used++;
          return rested;
        }
        if (rested) {
          await discard(rested);
          continue;
        }
        try {
          return await openOne();
        } catch (error) {
          if (used === 0 || !isFull(error)) throw error;
          const connection = await lent(pauseMs, error);
          if (connection) return connection;
        }
      }
    },
    async release(connection, how) {
      if (how === 'failed' || !connection.isOpen) {
        await discard(connection);
        return endOne();
      }
      const [next] = waiting;
      if (!next) {
        used--;
        resting.push(connection);
        return;
      }
      next.give(connection);
    },
    each: (act) => all.forEach(act),
    async close() {
      await Promise.all(resting.splice(0).map((connection) => connection.close()));
    },
  };
}
