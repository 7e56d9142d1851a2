import { reasonOf } from '../../core/errors.ts';
import { createFallbacks } from '../../runner/run-fallbacks.ts';
import type { Store } from '../../store/port/port.ts';
import { knownAccounts } from '../account/choose-account.ts';
import type { CommandContext } from '../port/context.ts';
import { COMMAND_LEASE_MS, createFallbackCommand } from '../send/fallback-command.ts';

/** How often it is looked which accounts have sources with a command. */
const LOOK_EVERY_MS = 5_000;

/**
 * Runs the commands of sources for what they have pushed and is not confirmed in time, also where no runner is. `deliver`
 * sees that what is queued goes. Returns what ends that: a command that runs then is ended.
 */
export function watchSourceFallbacks(
  context: CommandContext,
  store: Store,
  deliver: (account: string, user: string) => void,
): () => Promise<void> {
  const { clock, log } = context;
  const over = new AbortController();
  const fallbacks = createFallbacks({
    ...{ outbox: store.outbox, clock, leaseMs: COMMAND_LEASE_MS, ending: over.signal },
  });
  const watched = new Map<string, Promise<void>>();
  const onError = (error: unknown): void => log.debug(`pushes are not looked after: ${reasonOf(error)}`);
  const ways = {
    tell: createFallbackCommand(context, null),
    withinMs: null,
    stop: over.signal,
    log,
    onError,
  };

  async function look(): Promise<void> {
    for (const key of await store.outbox.accountsWithFallback()) {
      if (watched.has(key)) continue;
      const id = knownAccounts(context).find((account) => account.key === key)?.id ?? key;
      const wake = (user: string): void => deliver(key, user);
      watched.set(key, fallbacks.watch({ ...ways, account: { key, id }, wake, emit() {} }, over.signal));
    }
  }

  async function run(): Promise<void> {
    while (!over.signal.aborted) {
      await look().catch(onError);
      await clock.sleep(LOOK_EVERY_MS, over.signal);
    }
  }

  const running = run();
  return async () => {
    over.abort('stop');
    await running;
    await Promise.all(watched.values());
  };
}
