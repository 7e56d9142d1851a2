import { setImmediate as turnOfLoop } from 'node:timers/promises';
import type { Clock } from '../../core/time/clock.ts';
import type { Store } from '../../store/port/port.ts';
import { createAccountsLoop } from './accounts-loop.ts';

/** How soon the runners of a process notice commits of other processes (`retry`, `send`). */
const LOOK_EVERY_MS = 250;
/** So many accounts look before other events have their turn. */
const LOOKS_AT_ONCE = 20;

/** One account that looks for what other processes have committed. */
export interface Watcher {
  account: string;
  /** Its number in `changes()` of the store before the first look at messages and parts. */
  since: number;
  /** Looks for messages and parts. */
  look(): Promise<void>;
  /** Gets the error of a look. The next look follows. */
  onError(error: unknown): void;
}

/** Watches a store for all accounts, by one timer: watchers look when another process has committed for their account. */
export function createChangeWatch(
  store: Pick<Store, 'changes'>,
  clock: Clock,
): (watcher: Watcher, signal: AbortSignal) => Promise<void> {
  const loop = createAccountsLoop<Watcher>(run);
  /** The look of one of them that is going on. */
  let current: Promise<void> = Promise.resolve();

  /** Looks for one account after the other: none has to look sooner than the next. */
  async function lookAll(): Promise<void> {
    let now: ReturnType<Store['changes']>;
    try {
      now = store.changes();
    } catch (error) {
      for (const watcher of loop.members) watcher.onError(error);
      return;
    }
    let looks = 0;
    for (const watcher of loop.members) {
      const number = now(watcher.account);
      if (number === watcher.since) continue;
      watcher.since = number;
      current = watcher.look().catch(watcher.onError);
      await current;
      if (++looks % LOOKS_AT_ONCE === 0) await turnOfLoop();
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(LOOK_EVERY_MS, signal);
      if (!signal.aborted) await lookAll();
    }
  }

  return async (watcher, signal) => {
    if (signal.aborted) return;
    await loop.join(watcher, signal);
    await current;
  };
}
