import type { Clock } from '../core/clock.ts';
import { type Database, isBusy } from './database.ts';

/** Runs steps as transactions. */
export interface Commits {
  /**
   * Runs a step in a transaction of its own or together with others that were asked for in the
   * same moment: one commit for all. The step may be repeated, so it must not touch anything but
   * the database. `durable` waits for the disk: what was promised survives a power cut.
   */
  run<T>(step: (database: Database) => T, durability?: 'durable' | 'ordered'): Promise<T>;
  /** Waits until everything asked for so far is committed. */
  idle(): Promise<void>;
}

interface Waiting {
  step: (database: Database) => unknown;
  durable: boolean;
  resolve: (value: never) => void;
  reject: (reason: unknown) => void;
}

/** How long a step waits for other processes before it gives up. */
const BUSY_LIMIT_MS = 30_000;
const BUSY_PAUSE_MS = 5;
/** Keeps a flood of steps from blocking the event loop for long. */
const BATCH = 256;

/** Group commit over one connection: SQLite writes one transaction at a time anyway, so what waits goes together. */
export function createCommits(database: Database, clock: Clock): Commits {
  let waiting: Waiting[] = [];
  let flushing: Promise<void> | null = null;

  async function flush(): Promise<void> {
    // One turn of the event loop: everything that is ready now shares the commit.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH);
      waiting = waiting.slice(BATCH);
      await settle(batch);
    }
    flushing = null;
  }

  async function settle(batch: Waiting[]): Promise<void> {
    try {
      const results = await commit(batch);
      for (const [index, item] of batch.entries()) item.resolve(results[index] as never);
    } catch (error) {
      if (batch.length === 1) batch[0]?.reject(error);
      else for (const item of batch) await settle([item]);
    }
  }

  async function commit(batch: Waiting[]): Promise<unknown[]> {
    const giveUpAt = clock.monotonic() + BUSY_LIMIT_MS;
    for (;;) {
      try {
        return transaction(database, batch);
      } catch (error) {
        if (!isBusy(error) || clock.monotonic() > giveUpAt) throw error;
        await clock.sleep(BUSY_PAUSE_MS);
      }
    }
  }

  return {
    run: (step, durability = 'ordered') =>
      new Promise((resolve, reject) => {
        waiting.push({
          step,
          durable: durability === 'durable',
          resolve: resolve as (value: never) => void,
          reject,
        });
        flushing ??= flush();
      }),
    async idle() {
      while (flushing) await flushing;
    },
  };
}

/** Own BEGIN and COMMIT: the library's wrapper hides the first error behind that of its rollback (design 4). */
function transaction(database: Database, batch: Waiting[]): unknown[] {
  database.exec(`PRAGMA synchronous=${batch.some((item) => item.durable) ? 'FULL' : 'NORMAL'}`);
  database.exec('BEGIN IMMEDIATE');
  try {
    const results = batch.map((item) => item.step(database));
    database.exec('COMMIT');
    return results;
  } catch (error) {
    try {
      database.exec('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself after some errors; the first error is the one that matters.
    }
    throw error;
  }
}
