import { reasonOf } from '../../core/errors.ts';
import type { Account } from '../../home/config-file.ts';
import type { Store } from '../../store/port/port.ts';
import { pollerOf } from '../account/polling-right.ts';
import { loginOfLate } from '../login/stored-accounts.ts';
import type { CommandContext } from '../port/context.ts';
import { startDirectDelivery } from '../send/direct-delivery.ts';

/** How long a delivery waits for what may go a little later, such as after a rate limit; and how long it takes at most. */
const WITHIN_MS = 90_000;
const AT_MOST_MS = 60 * 60_000;

/** Deliveries by this process, for accounts that no runner serves. */
export interface Deliveries {
  /** Sees that what a user has queued goes, now. */
  begin(account: Account, user: string): void;
  /** Ends them; what has not gone stays queued. */
  end(): Promise<void>;
}

/** Delivers as `wxagent send` does, in the background. */
export function createDeliveries(context: CommandContext, store: Store): Deliveries {
  const stop = new AbortController();
  /** By account and user: whether there is more since it began. */
  const running = new Map<string, { isAsked: boolean; done: Promise<void> }>();

  async function deliver(known: Account, user: string): Promise<void> {
    const { clock } = context;
    const account = await loginOfLate(context, known);
    if ((await pollerOf(context, account, store.admin))?.purpose === 'serve') return;
    const to = { account, user, sinceMs: clock.now(), stop: stop.signal };
    const delivery = await startDirectDelivery({ ...context, json: true }, store, to, () => {});
    if (!delivery) return;
    let onStop = (): void => {};
    try {
      const stopped = new Promise<void>((resolve) => {
        onStop = resolve;
      });
      stop.signal.addEventListener('abort', onStop);
      await Promise.race([stopped, delivery.waitUntilIdle(WITHIN_MS, AT_MOST_MS)]);
    } finally {
      // As many deliveries as there are pushes have one signal.
      stop.signal.removeEventListener('abort', onStop);
      await delivery.end();
    }
  }

  return {
    begin(account, user) {
      const name = JSON.stringify([account.key, user]);
      const before = running.get(name);
      if (before) {
        before.isAsked = true;
        return;
      }
      const entry = { isAsked: true, done: Promise.resolve() };
      running.set(name, entry);
      entry.done = (async () => {
        try {
          while (entry.isAsked && !stop.signal.aborted) {
            entry.isAsked = false;
            await deliver(account, user);
          }
        } catch (error) {
          context.log.warn(`a message to ${user} waits: ${reasonOf(error)}`);
        } finally {
          running.delete(name);
        }
      })();
    },
    async end() {
      stop.abort();
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}
