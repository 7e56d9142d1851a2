import { asWxError, isShortage } from '../../core/errors.ts';
import type { Clock } from '../../core/time/clock.ts';
import { isBusy, isFaultOfStep, isFull, isPassing, storageError } from '../../sqlite/database.ts';
import type { StoreFiles } from '../../sqlite/store-files.ts';
import { freeReserve } from './reserve.ts';

/** What happens while the disk does not take what is written: steps wait until it does, or the signal is aborted. */
export interface Trouble {
  signal: AbortSignal;
  /** Says so, now and again. */
  tell(why: string): void;
}

/** Does something with the database as often as it takes. Rejects with WxError `storage`, or for a fault of the work. */
export type Endure = <T>(work: () => T | Promise<T>) => Promise<T>;

/** How long a step waits for other processes before it is trouble. */
const BUSY_LIMIT_MS = 30_000;
const BUSY_PAUSE_MS = 5;
/** While there is trouble: how often it is tried again, and how often that is said. */
const PAUSE_MS = 1_000;
const TELL_MS = 30_000;

/** See {@link Endure}; `trouble` null: fail at once, but for a moment of other processes. */
export function createEndure(options: {
  path: string;
  clock: Clock;
  /** File that is given up when the disk is full. */
  reserve: string;
  trouble: Trouble | null;
  files: StoreFiles;
}): Endure {
  const { path, clock, reserve, trouble, files } = options;
  /** A database that has never worked is no trouble that passes. */
  let hasWorked = false;
  let toldAtMs = Number.NEGATIVE_INFINITY;

  return async (work) => {
    const giveUpAtMs = clock.monotonic() + BUSY_LIMIT_MS;
    for (;;) {
      try {
        const result = await work();
        files.check();
        hasWorked = true;
        return result;
      } catch (error) {
        files.check();
        if (isFull(error) && freeReserve(reserve)) continue;
        if (isBusy(error) && clock.monotonic() < giveUpAtMs) {
          await clock.sleep(BUSY_PAUSE_MS);
          continue;
        }
        const mayPass = isFull(error) || (hasWorked && (isPassing(error) || isShortage(error)));
        if (isFaultOfStep(error)) throw asWxError(error);
        if (!mayPass || !trouble || trouble.signal.aborted) throw storageError(path, error);
        if (clock.monotonic() - toldAtMs > TELL_MS) {
          toldAtMs = clock.monotonic();
          trouble.tell(isFull(error) ? `the disk of ${path} is full` : storageError(path, error).message);
        }
        await clock.sleep(PAUSE_MS, trouble.signal);
      }
    }
  };
}
