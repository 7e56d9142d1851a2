import type { SteadyClock } from '../core/time/steady-clock.ts';
import type { Store } from '../store/port/port.ts';
import type { Outgoing } from './delivery/outgoing-files.ts';
import type { Attachments } from './received/attachments.ts';

/** A start has more to do than this, and the messages that waited for it come first. */
const START_MS = 3_000;
/** How often held parts may expire and finished rows are forgotten; while there is more to do, much sooner. */
const SWEEP_EVERY_MS = 60_000;
const SWEEP_PAUSE_MS = 50;
/** The cache of received files is looked through less often: it is read whole. */
const CACHE_EVERY_MS = 10 * 60_000;
/** Finished rows are kept this long, and so many of each user (design 4). */
const FINISHED_MS = 30 * 24 * 60 * 60_000;
const FINISHED_PER_USER = 10_000;

/**
 * Keeps the store and the files on either way bounded, a little at a time so that no poll waits for it,
 * until the signal is aborted; at least once, since some runs are short and many. Pauses while no age means anything.
 */
export async function runSweeps(
  options: {
    account: string;
    store: Pick<Store, 'admin' | 'outbox'>;
    outgoing: Outgoing;
    attachments: Pick<Attachments, 'sweep'>;
    holdMaxMs: number;
    clock: SteadyClock;
    /** Told why a sweep came to nothing; the next one comes all the same. */
    onError: (error: unknown) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  const { account, store, outgoing, holdMaxMs, clock } = options;
  const retention = { account, holdMaxMs, finishedMs: FINISHED_MS, finishedPerUser: FINISHED_PER_USER };
  let cacheAtMs = Number.NEGATIVE_INFINITY;
  await clock.sleep(START_MS, signal);
  if (!signal.aborted) await store.admin.keepReserve();
  /** Returns whether there is more to do at once. */
  async function sweep(): Promise<boolean> {
    const more = !clock.isUnsure() && (await store.admin.sweep({ ...retention, nowMs: clock.now() }));
    // Files have their times from the wall clock.
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
