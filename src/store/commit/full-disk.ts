import { asWxError, isShortage } from '../../core/errors.ts';
import { atMostEvery, type Clock } from '../../core/time/clock.ts';
import type { StepWait } from '../../sql/step-runner.ts';
import { isBusy, isFaultOfStep, isFull, isTransient, storageError } from '../../sqlite/database.ts';
import type { DatabaseFiles } from '../../sqlite/database-files.ts';
import { freeReserve } from './disk-reserve.ts';

/** Does something with the database until it succeeds. Rejects with WxError `storage`, or with the error of a faulty step. */
export type DiskRetry = <T>(work: () => T | Promise<T>) => Promise<T>;

/** How long a step waits for other processes. */
const BUSY_LIMIT_MS = 30_000;
const BUSY_PAUSE_MS = 5;
/** While the disk cannot be written: the pause between tries, and between reports. */
const PAUSE_MS = 1_000;
const REPORT_MS = 30_000;

/** See {@link DiskRetry}; without `wait` only other processes are waited for. */
export function createDiskRetry(options: {
  path: string;
  clock: Clock;
  /** File that is deleted when the disk is full. */
  reserve: string;
  wait: StepWait | null;
  files: DatabaseFiles;
}): DiskRetry {
  const { path, clock, reserve, wait, files } = options;
  /** A database that never worked is not waited for. */
  let hasWorked = false;
  const isReportDue = atMostEvery(REPORT_MS, clock);

  return async (work) => {
    const giveUpAtMs = clock.monotonic() + BUSY_LIMIT_MS;
    for (;;) {
      try {
        if (files.areGone) files.check();
        const result = await work();
        hasWorked = true;
        return result;
      } catch (error) {
        files.check();
        if (isFull(error) && freeReserve(reserve)) continue;
        if (isBusy(error) && clock.monotonic() < giveUpAtMs) {
          await clock.sleep(BUSY_PAUSE_MS);
          continue;
        }
        const mayPass = isFull(error) || (hasWorked && (isTransient(error) || isShortage(error)));
        if (isFaultOfStep(error)) throw asWxError(error);
        if (!mayPass || !wait || wait.signal.aborted) throw storageError(path, error);
        if (isReportDue())
          wait.report(isFull(error) ? `the disk of ${path} is full` : storageError(path, error).message);
        await clock.sleep(PAUSE_MS, wait.signal);
      }
    }
  };
}
