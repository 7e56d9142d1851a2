import type { Clock } from '../../core/time/clock.ts';
import { type BeforeCommit, settleWorks, type Work } from '../../sql/one-transaction.ts';
import { type Database, isBusy, transaction } from '../../sqlite/database.ts';
import type { DatabaseFiles } from '../../sqlite/database-files.ts';
import type { DiskRetry } from './full-disk.ts';

/** Runs steps as transactions: those of the same moment share one commit. */
export interface GroupCommit {
  /**
   * Runs a step in a transaction, together with other steps of the same moment. A step may be repeated, so what it does
   * beside the database must bear repetition: a merged text that is too long for a part becomes a file. `beforeCommit` is
   * that of {@link StepRunner.run}. Rejects with WxError `storage`.
   */
  run<T>(step: (database: Database) => T, beforeCommit?: BeforeCommit<T>): Promise<T>;
  /** Resolves when everything committed so far is on the disk: one fsync for all callers of the same moment. */
  flush(): Promise<void>;
  /** Resolves when every step so far is committed. */
  idle(): Promise<void>;
}

type StepWork = Work<(database: Database) => unknown>;

/** The most steps of one transaction, so that it does not block the event loop for long. */
const MAX_BATCH = 256;

/**
 * From this many steps on, a commit waits these turns of the event loop for further steps: a commit costs mostly the
 * pages that it writes, and steps write mostly the same ones.
 */
const BUSY_STEPS = 5;
const BUSY_TURNS = 8;

/** After this idle time, this many commits do not wait for other steps: a message is stored, answered, and that is sent. */
const IDLE_MS = 3;
const PROMPT_COMMITS = 3;

/**
 * With so few steps to write, little else is going on, and the event loop waits for the disk itself: to hand that to a
 * thread takes longer than a quick disk. One that takes longer than this is handed to a thread for a while.
 */
const QUIET_STEPS = 6;
const QUICK_SYNC_MS = 20;
const SLOW_DISK_MS = 60_000;

/** Group commit on one connection: SQLite writes one transaction at a time, so waiting steps share one. */
export function createGroupCommit(options: {
  database: Database;
  /** Checked by every flush: what was committed into lost files is on no disk. */
  files: Pick<DatabaseFiles, 'check'>;
  clock: Clock;
  retry: DiskRetry;
}): GroupCommit {
  const { database, files, clock, retry } = options;
  const waiting: StepWork[] = [];
  let committing: Promise<void> | null = null;
  let syncing: Promise<void> | null = null;
  /** How many commits were made, and how many of them are on the disk. */
  let committed = 0;
  let flushed = 0;
  /** Steps committed since the last flush. */
  let unflushedSteps = 0;
  /** Time of the last commit, and how many commits were made since the last idle time. */
  let lastMs = Number.NEGATIVE_INFINITY;
  let sinceIdle = 0;
  let slowUntilMs = Number.NEGATIVE_INFINITY;

  async function commit(): Promise<void> {
    // After one turn of the event loop all steps that are ready share the commit. After an idle time there are no others.
    if (clock.monotonic() - lastMs > IDLE_MS) sinceIdle = 0;
    if (sinceIdle < PROMPT_COMMITS) await new Promise<void>((resolve) => process.nextTick(resolve));
    else await turnOfLoop();
    while (waiting.length > 0) {
      // With this many steps, more are about to come.
      for (let turns = 0; turns < BUSY_TURNS && waiting.length >= BUSY_STEPS; turns++) await turnOfLoop();
      await settleWorks(waiting.splice(0, MAX_BATCH), runAll, (error) => isBusy((error as Error).cause));
      lastMs = clock.monotonic();
      sinceIdle++;
    }
    committing = null;
  }

  async function runAll(batch: StepWork[]): Promise<unknown[]> {
    const results = await retry(() => transaction(database, () => runInOrder(batch)));
    committed++;
    unflushedSteps += batch.length;
    return results;
  }

  /** Runs steps, and behind them those that wait when a result has been told. */
  function runInOrder(batch: StepWork[]): unknown[] {
    const results: unknown[] = [];
    for (const { step, beforeCommit } of batch) {
      const result = step(database);
      results.push(result);
      if (!beforeCommit) continue;
      beforeCommit(result as never);
      batch.push(...waiting.splice(0, MAX_BATCH));
    }
    return results;
  }

  async function sync(): Promise<void> {
    // Whoever waited for the last commit runs its next step in this turn of the event loop, and flushes that next.
    await turnOfLoop();
    if (committing) await run(() => undefined);
    const upTo = committed;
    try {
      await retry(writeOut);
      files.check();
      flushed = upTo;
    } finally {
      syncing = null;
    }
  }

  async function writeOut(): Promise<void> {
    const startedMs = clock.monotonic();
    const isQuiet = unflushedSteps <= QUIET_STEPS;
    unflushedSteps = 0;
    if (!isQuiet || startedMs < slowUntilMs) return database.sync();
    database.syncBlocking();
    const endedMs = clock.monotonic();
    if (endedMs - startedMs > QUICK_SYNC_MS) slowUntilMs = endedMs + SLOW_DISK_MS;
  }

  function run<T>(step: (database: Database) => T, beforeCommit?: BeforeCommit<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      waiting.push({ step, beforeCommit, resolve: resolve as (value: never) => void, reject });
      committing ??= commit();
    });
  }

  return {
    run,
    async flush() {
      const upTo = committed;
      // A running fsync may have started before the last commit.
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
