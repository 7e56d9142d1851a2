import { reasonOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import { tellPushes } from '../../runner/delivery/push-texts.ts';
import type { Store } from '../../store/port/port.ts';

/** How often pushes that wait are looked for. */
const LOOK_EVERY_MS = 1_000;

/** Queues pushes of any account that have waited long enough, until aborted. `onQueued` sees that they go. */
export async function releasePushes(
  { store, clock, log }: { store: Pick<Store, 'outbox'>; clock: Pick<Clock, 'now' | 'sleep'>; log: Log },
  onQueued: (account: string, user: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { outbox } = store;
  while (!signal.aborted) {
    await clock.sleep(LOOK_EVERY_MS, signal);
    if (signal.aborted) return;
    try {
      for (const { account, user } of await outbox.duePushes(clock.now())) {
        const release = () => outbox.releasePushes({ account, user, nowMs: clock.now(), tell: tellPushes });
        let released = await release();
        while (released.isMore && !signal.aborted) released = await release();
        if (released.queued.length > 0) onQueued(account, user);
      }
    } catch (error) {
      // Whoever needs the store says what is wrong with it.
      log.debug(`pushes wait: ${reasonOf(error)}`);
    }
  }
}
