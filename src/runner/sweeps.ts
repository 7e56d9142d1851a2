import { abortedAfter } from '../core/time/event-loop.ts';
import type { SteadyClock } from '../core/time/steady-clock.ts';
import type { Store } from '../store/port/port.ts';
import type { Outgoing } from './delivery/outgoing-files.ts';
import type { Attachments } from './received/attachments.ts';

/** The first sweep waits, so that queued messages come first. */
const START_MS = 3_000;
/** How often the store is swept. */
const SWEEP_EVERY_MS = 60_000;
/** The pause between two sweeps of an account while there is more to remove. */
const SWEEP_PAUSE_MS = 50;
/** Files are swept less often, since whole folders are read. */
const FILES_EVERY_MS = 10 * 60_000;
/** How long finished rows are kept, and how many of each user (design 4). */
const FINISHED_MS = 30 * 24 * 60 * 60_000;
const FINISHED_PER_USER = 10_000;

/** One account whose rows and files are swept. */
export interface Swept {
  account: string;
  outgoing: Pick<Outgoing, 'sweep'>;
  attachments: Pick<Attachments, 'sweep'>;
  holdMaxMs: number;
  /** Gets the error of a sweep. The next sweep follows. */
  onError: (error: unknown) => void;
}

/** Sweeps all accounts of a process, one after the other. */
export interface Sweeps {
  /**
   * Removes what the retention has ended: rows, copies of sent files, received files. Each step is small, so that no
   * poll waits for it. Sweeps until the signal is aborted, and at least once, since some runs are short. Pauses while
   * the clock is not reliable.
   */
  sweep(account: Swept, signal: AbortSignal): Promise<void>;
}

/** An account, and what is known of its sweeps. */
interface Entry extends Swept {
  wasSwept: boolean;
  filesAtMs: number;
  /** The sweep that is going on. */
  current: Promise<boolean> | null;
}

/** See {@link Sweeps}. */
export function createSweeps(store: Pick<Store, 'admin' | 'outbox'>, clock: SteadyClock): Sweeps {
  const entries = new Set<Entry>();
  let nobody = new AbortController();

  /** Returns whether there is more to remove. */
  async function remove(entry: Entry): Promise<boolean> {
    const { account, holdMaxMs, outgoing, attachments } = entry;
    const retention = { account, holdMaxMs, finishedMs: FINISHED_MS, finishedPerUser: FINISHED_PER_USER };
    const more = !clock.isUnsure() && (await store.admin.sweep({ ...retention, nowMs: clock.now() }));
    // The times of files are those of the wall clock.
    if (more || clock.haveJumped()) return more;
    if (clock.monotonic() - entry.filesAtMs >= FILES_EVERY_MS) {
      entry.filesAtMs = clock.monotonic();
      await outgoing.sweep(store.outbox, clock.wall());
      await attachments.sweep(clock.wall());
    }
    return false;
  }

  async function sweepOnce(entry: Entry): Promise<boolean> {
    entry.wasSwept = true;
    entry.current = remove(entry).catch((error) => {
      entry.onError(error);
      return false;
    });
    const more = await entry.current;
    entry.current = null;
    return more;
  }

  async function run(): Promise<void> {
    const { signal } = nobody;
    await clock.sleep(START_MS, signal);
    if (!signal.aborted) await store.admin.keepReserve();
    while (!signal.aborted) {
      const unfinished = new Set<Entry>();
      for (const entry of entries) if (await sweepOnce(entry)) unfinished.add(entry);
      while (unfinished.size > 0 && !signal.aborted) {
        await clock.sleep(SWEEP_PAUSE_MS, signal);
        for (const entry of unfinished)
          if (!entries.has(entry) || !(await sweepOnce(entry))) unfinished.delete(entry);
      }
      if (!signal.aborted) await clock.sleep(SWEEP_EVERY_MS, signal);
    }
  }

  return {
    async sweep(account, signal) {
      const entry: Entry = {
        ...account,
        wasSwept: false,
        filesAtMs: Number.NEGATIVE_INFINITY,
        current: null,
      };
      entries.add(entry);
      if (entries.size === 1) {
        nobody = new AbortController();
        void run();
      }
      await abortedAfter(signal, () => {
        entries.delete(entry);
        if (entries.size === 0) nobody.abort();
      });
      if (!entry.wasSwept) await sweepOnce(entry);
      await entry.current;
    },
  };
}
