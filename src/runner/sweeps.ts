import type { SteadyClock } from '../core/time/steady-clock.ts';
import type { Store } from '../store/port/port.ts';
import type { Outgoing } from './delivery/outgoing-files.ts';
import type { Attachments } from './received/attachments.ts';

/** The first sweep waits, so that queued messages come first. */
const START_MS = 3_000;
/** How often the store is swept. */
const SWEEP_EVERY_MS = 60_000;
/** The pause between two sweeps while there is more to remove. */
const SWEEP_PAUSE_MS = 50;
/** The cache of received files is swept less often, since the whole folder is read. */
const CACHE_EVERY_MS = 10 * 60_000;
/** How long finished rows are kept, and how many of each user (design 4). */
const FINISHED_MS = 30 * 24 * 60 * 60_000;
const FINISHED_PER_USER = 10_000;

/**
 * Removes what the retention has ended: rows, copies of sent files, received files. Each step is small, so that no poll
 * waits for it. Sweeps until the signal is aborted, and at least once, since some runs are short. Pauses while the clock
 * is not reliable.
 */
export async function runSweeps(
  options: {
    account: string;
    store: Pick<Store, 'admin' | 'outbox'>;
    outgoing: Outgoing;
    attachments: Pick<Attachments, 'sweep'>;
    holdMaxMs: number;
    clock: SteadyClock;
    /** Gets the error of a sweep. The next sweep follows. */
    onError: (error: unknown) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  const { account, store, outgoing, holdMaxMs, clock } = options;
  const retention = { account, holdMaxMs, finishedMs: FINISHED_MS, finishedPerUser: FINISHED_PER_USER };
  let cacheAtMs = Number.NEGATIVE_INFINITY;
  await clock.sleep(START_MS, signal);
  if (!signal.aborted) await store.admin.keepReserve();
  /** Returns whether there is more to remove. */
  async function sweep(): Promise<boolean> {
    const more = !clock.isUnsure() && (await store.admin.sweep({ ...retention, nowMs: clock.now() }));
    // The times of files are those of the wall clock.
    if (more || clock.haveJumped()) return more;
    await outgoing.sweep(store.outbox, clock.wall());
    if (clock.monotonic() - cacheAtMs >= CACHE_EVERY_MS) {
      cacheAtMs = clock.monotonic();
      await options.attachments.sweep(clock.wall());
    }
    return false;
  }
  do {
    const more = await sweep().catch((error) => {
      options.onError(error);
      return false;
    });
    await clock.sleep(more ? SWEEP_PAUSE_MS : SWEEP_EVERY_MS, signal);
  } while (!signal.aborted);
}
