import type { Clock } from '../core/clock.ts';
import { type Database, isBusy, isFull } from './database.ts';
import { freeReserve } from './reserve.ts';

/** Runs steps as transactions. */
export interface Commits {
  /**
   * Runs a step in a transaction of its own or together with others that were asked for in the
   * same moment: one commit for all. The step may be repeated, so it must not touch anything but
   * the database. `durable` waits for the disk: what was promised survives a power cut.
   */
  run<T>(step: (database: Database) => T, durability?: 'durable' | 'ordered'): Promise<T>;
  /**
   * Waits until what is committed by now is durable: with the next step that waits for the disk, or
   * after a moment by itself.
   */
  durable(): Promise<void>;
  /** Waits until everything asked for so far is committed. */
  idle(): Promise<void>;
}

/** What happens while the disk is full: steps wait until there is room or the signal is aborted. */
export interface FullDisk {
  signal: AbortSignal;
  /** Says so, now and again. */
  tell(): void;
}

interface Waiting {
  step: (database: Database) => unknown;
  durable: boolean;
  resolve: (value: never) => void;
  reject: (reason: unknown) => void;
}

interface Joined {
  resolve: () => void;
  reject: (reason: unknown) => void;
}

/** How long a step waits for other processes before it gives up. */
const BUSY_LIMIT_MS = 30_000;
const BUSY_PAUSE_MS = 5;
/** While the disk is full: how often it is tried again, and how often that is said. */
const FULL_PAUSE_MS = 1_000;
const FULL_TELL_MS = 30_000;
/** Keeps a flood of steps from blocking the event loop for long. */
const BATCH = 256;
/** Within this time the answers of quick agents are committed too, and one wait for the disk serves all. */
const SYNC_PAUSE_MS = 2;

/** Group commit over one connection: SQLite writes one transaction at a time anyway, so what waits goes together. */
export function createCommits(options: {
  database: Database;
  clock: Clock;
  reserve: string;
  full: FullDisk | null;
}): Commits {
  const { database, clock, full } = options;
  let waiting: Waiting[] = [];
  let flushing: Promise<void> | null = null;
  /** Who waits until the disk has been waited for. */
  let joined: Joined[] = [];

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
    let results: unknown[];
    try {
      results = await commit(batch);
    } catch (error) {
      // One bad step must not harm the others; of a database that stays busy all have waited long enough.
      if (batch.length === 1 || isBusy(error)) for (const item of batch) item.reject(error);
      else for (const item of batch) await settle([item]);
      return;
    }
    const failure = batch.some((item) => item.durable) ? sync() : null;
    for (const [index, item] of batch.entries()) {
      if (item.durable && failure !== null) item.reject(failure);
      else item.resolve(results[index] as never);
    }
  }

  async function commit(batch: Waiting[]): Promise<unknown[]> {
    const giveUpAtMs = clock.monotonic() + BUSY_LIMIT_MS;
    let toldAtMs = Number.NEGATIVE_INFINITY;
    for (;;) {
      try {
        return transaction(database, batch);
      } catch (error) {
        if (isFull(error)) {
          if (freeReserve(options.reserve)) continue;
          if (!full || full.signal.aborted) throw error;
          if (clock.monotonic() - toldAtMs > FULL_TELL_MS) {
            toldAtMs = clock.monotonic();
            full.tell();
          }
          await clock.sleep(FULL_PAUSE_MS, full.signal);
        } else {
          if (!isBusy(error) || clock.monotonic() > giveUpAtMs) throw error;
          await clock.sleep(BUSY_PAUSE_MS);
        }
      }
    }
  }

  /** Waits for the disk, for all that is committed and for all who wait for it. Returns what went wrong, or null. */
  function sync(): unknown {
    const group = joined;
    joined = [];
    let failure: unknown = null;
    try {
      database.sync();
    } catch (error) {
      failure = error;
    }
    // Those whose steps these are go on first.
    queueMicrotask(() => {
      for (const item of group) {
        if (failure === null) item.resolve();
        else item.reject(failure);
      }
    });
    return failure;
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
    durable: () =>
      new Promise((resolve, reject) => {
        const group = joined;
        group.push({ resolve, reject });
        if (group.length > 1) return;
        void clock.sleep(SYNC_PAUSE_MS).then(() => {
          if (joined === group) sync();
        });
      }),
    async idle() {
      while (flushing) await flushing;
      if (joined.length > 0) sync();
    },
  };
}

/** Own BEGIN and COMMIT: the library's wrapper hides the first error behind that of its rollback (design 4). */
function transaction(database: Database, batch: Waiting[]): unknown[] {
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
