import type { Clock } from '../core/time/clock.ts';
import type { Inbox, Store } from '../store/port/port.ts';
import type { Delivery } from './delivery/delivery.ts';
import type { Lanes } from './turns/lanes.ts';

/** How soon a runner notices commits of other processes (`retry`, `send`). */
const LOOK_EVERY_MS = 250;

/** Looks for messages and parts that other processes have committed, until the signal is aborted. */
export async function watchStore(
  options: {
    account: string;
    /** `changes()` of the store before the first look at messages and parts. */
    since: number;
    store: { inbox: Pick<Inbox, 'unfinished'> } & Pick<Store, 'changes'>;
    lanes: Pick<Lanes, 'add'>;
    delivery: Pick<Delivery, 'refresh'>;
    clock: Clock;
    /** Gets the error of a look. The next look follows. */
    onError: (error: unknown) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  const { account, store, lanes, delivery, clock } = options;
  let seen = options.since;
  while (!signal.aborted) {
    await clock.sleep(LOOK_EVERY_MS, signal);
    if (signal.aborted) return;
    try {
      const now = store.changes();
      if (now === seen) continue;
      seen = now;
      for (const entry of await store.inbox.unfinished(account)) lanes.add(entry);
      await delivery.refresh();
    } catch (error) {
      options.onError(error);
    }
  }
}
