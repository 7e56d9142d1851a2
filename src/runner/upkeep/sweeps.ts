import { atMostEvery } from '../../core/time/clock.ts';
import type { SteadyClock } from '../../core/time/steady-clock.ts';
import type { Store } from '../../store/port/port.ts';
import type { Outgoing } from '../delivery/outgoing-files.ts';
import type { Attachments } from '../received/attachments.ts';
import { createAccountsLoop } from './accounts-loop.ts';

/** The first sweep waits, so that queued messages come first. */
const START_MS = 3_000;
/** How often the store is swept. */
const SWEEP_EVERY_MS = 60_000;
/** So many accounts are swept in one step: most have nothing to remove. */
const SWEPT_TOGETHER = 20;
/** The pause after a sweep that has left something to remove. */
const SWEEP_PAUSE_MS = 50;
/** Files are swept less often, since whole folders are read. */
const FILES_EVERY_MS = 10 * 60_000;
/** How long finished rows are kept, and how many of each user. */
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

/** An account, and what is known of its sweeps. */
interface Entry extends Swept {
  wasSwept: boolean;
  /** Whether its files are to be swept, too. */
  areFilesDue: () => boolean;
  /** The sweep that is going on. */
  current: Promise<boolean> | null;
}

/** Accounts that one step of the store sweeps. */
function groupsOf(entries: readonly Entry[]): Entry[][] {
  const groups: Entry[][] = [];
  for (const entry of entries) {
    const last = groups.at(-1);
    if (last?.[0]?.holdMaxMs === entry.holdMaxMs && last.length < SWEPT_TOGETHER) last.push(entry);
    else groups.push([entry]);
  }
  return groups;
}

/**
 * Sweeps the accounts of a process: rows, copies and received files whose retention has ended, in small steps, at least
 * once. It pauses while the clock is not reliable.
 */
export function createSweeps(
  store: Pick<Store, 'admin' | 'outbox'>,
  clock: SteadyClock,
): (account: Swept, signal: AbortSignal) => Promise<void> {
  const loop = createAccountsLoop<Entry>(run);

  /** Returns whether there is more to remove. */
  async function remove(group: readonly Entry[], holdMaxMs: number): Promise<boolean> {
    const accounts = group.map(({ account }) => account);
    const retention = { accounts, holdMaxMs, finishedMs: FINISHED_MS, finishedPerUser: FINISHED_PER_USER };
    const more = !clock.isUnsure() && (await store.admin.sweep({ ...retention, nowMs: clock.now() }));
    // The times of files are those of the wall clock.
    if (more || clock.haveJumped()) return more;
    for (const entry of group) {
      if (!entry.areFilesDue()) continue;
      try {
        await entry.outgoing.sweep(store.outbox, clock.wall());
        await entry.attachments.sweep(clock.wall());
      } catch (error) {
        entry.onError(error);
      }
    }
    return false;
  }

  /** Sweeps accounts with the same settings. Returns whether there is more to remove. */
  async function sweepOnce(group: readonly Entry[]): Promise<boolean> {
    const current = remove(group, group[0]?.holdMaxMs ?? 0).catch((error) => {
      for (const entry of group) entry.onError(error);
      return false;
    });
    for (const entry of group) {
      entry.wasSwept = true;
      entry.current = current;
    }
    return current;
  }

  async function sweepAll(signal: AbortSignal): Promise<void> {
    const groups = groupsOf([...loop.members]);
    for (const group of groups) {
      const present = group.filter((entry) => loop.members.has(entry));
      if (present.length === 0 || !(await sweepOnce(present)) || signal.aborted) continue;
      // After the others.
      groups.push(present);
      await clock.sleep(SWEEP_PAUSE_MS, signal);
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    await clock.sleep(START_MS, signal);
    if (!signal.aborted) await store.admin.keepReserve();
    while (!signal.aborted) {
      await sweepAll(signal);
      if (!signal.aborted) await clock.sleep(SWEEP_EVERY_MS, signal);
    }
  }

  return async (account, signal) => {
    const entry: Entry = {
      ...account,
      wasSwept: false,
      areFilesDue: atMostEvery(FILES_EVERY_MS, clock),
      current: null,
    };
    await loop.join(entry, signal);
    if (!entry.wasSwept) await sweepOnce([entry]);
    await entry.current;
  };
}
