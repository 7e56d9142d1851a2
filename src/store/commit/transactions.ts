import type { Clock } from '../../core/time/clock.ts';
import { type Database, isBusy } from '../../sqlite/database.ts';
import type { Endure } from './disk-trouble.ts';

/** Runs steps as transactions. */
export interface Commits {
  /**
   * Runs a step in a transaction of its own or together with others that were asked for in the
   * same moment: one commit for all. The step may be repeated, so it must not touch anything but
   * the database. Rejects with WxError `storage`.
   */
  run<T>(step: (database: Database) => T): Promise<T>;
  /** Resolves when all that is committed by now is on the disk: one wait for all who ask at once. */
  flush(): Promise<void>;
  /** Waits until everything asked for so far is committed. */
  idle(): Promise<void>;
}

interface Waiting {
  step: (database: Database) => unknown;
  resolve: (value: never) => void;
  reject: (reason: unknown) => void;
}

/** Keeps a flood of steps from blocking the event loop for long. */
const BATCH = 256;

/**
 * From so many steps on a commit waits for others to join it, these turns of the event loop: what it costs is mostly
 * the pages that it writes, and they are mostly the same ones.
 */
const CROWD = 5;
const CROWD_TURNS = 8;

/** After a rest of so long, so many commits wait for no other: one message is taken in, its turn starts and ends. */
const REST_MS = 3;
const ALONE = 3;

/** Group commit over one connection: SQLite writes one transaction at a time anyway, so what waits goes together. */
export function createCommits(options: { database: Database; clock: Clock; endure: Endure }): Commits {
  const { database, clock, endure } = options;
  let waiting: Waiting[] = [];
  let committing: Promise<void> | null = null;
  let syncing: Promise<void> | null = null;
  /** Commits there were, and how many of them are on the disk. */
  let committed = 0;
  let flushed = 0;
  /** When the last commit was, and how many followed each other before. */
  let lastMs = Number.NEGATIVE_INFINITY;
  let inRow = 0;

  async function commit(): Promise<void> {
    // One turn of the event loop: everything that is ready now shares the commit. After a rest there is nothing else.
    if (clock.monotonic() - lastMs > REST_MS) inRow = 0;
    if (inRow < ALONE) await new Promise<void>((resolve) => process.nextTick(resolve));
    else await turnOfLoop();
    while (waiting.length > 0) {
      // Where so much goes on at once, more is about to come.
      for (let turns = 0; turns < CROWD_TURNS && waiting.length >= CROWD; turns++) await turnOfLoop();
      const batch = waiting.slice(0, BATCH);
      waiting = waiting.slice(BATCH);
      await settle(batch);
      lastMs = clock.monotonic();
      inRow++;
    }
    committing = null;
  }

  async function settle(batch: Waiting[]): Promise<void> {
    try {
      const results = await endure(() => transaction(database, batch));
      committed++;
      for (let index = 0; index < batch.length; index++) batch[index]?.resolve(results[index] as never);
    } catch (error) {
      // One bad step must not harm the others; of a database that stays busy all have waited long enough.
      if (batch.length === 1 || isBusy((error as Error).cause)) for (const item of batch) item.reject(error);
      else for (const item of batch) await settle([item]);
    }
  }

  async function sync(): Promise<void> {
    // What the last commit has set off is asked for in the same turn of the event loop, and needs the disk next.
    await turnOfLoop();
    if (committing) await run(() => undefined);
    const upTo = committed;
    try {
      await endure(() => database.sync());
      flushed = upTo;
    } finally {
      syncing = null;
    }
  }

  function run<T>(step: (database: Database) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      waiting.push({ step, resolve: resolve as (value: never) => void, reject });
      committing ??= commit();
    });
  }

  return {
    run,
    async flush() {
      const upTo = committed;
      // What is under way may have begun before the last commit.
      while (flushed < upTo) {
        syncing ??= sync();
        await syncing;
      }
    },
    async idle() {
      while (committing) await committing;
    },
  };
}

function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
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
