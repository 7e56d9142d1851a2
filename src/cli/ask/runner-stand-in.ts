import type { Account } from '../../home/config-file.ts';
import type { Store } from '../../store/port/port.ts';
import { connect, openTransport } from '../account/connection.ts';
import { pollIfFree } from '../account/poll-now.ts';
import { openPolling, pollerOf } from '../account/polling-right.ts';
import type { CommandContext } from '../port/context.ts';
import { type DirectDelivery, startDirectDelivery } from '../send/direct-delivery.ts';

/** How often it looks whether a runner serves the account, and lets others poll. */
const LOOK_EVERY_MS = 250;

/**
 * Delivers to one user and receives for the account until aborted, as long as no runner does. It lets go between polls.
 * Returns whether the login has expired.
 */
export async function standIn(
  context: CommandContext,
  store: Store,
  { account, user }: { account: Account; user: string },
  signal: AbortSignal,
): Promise<boolean> {
  const { clock } = context;
  const sinceMs = clock.now();
  const transport = openTransport(context);
  const polling = await openPolling(context, { purpose: 'look', store, stop: null });
  const connection = connect(context, account, transport, polling.store);
  let direct: DirectDelivery | null = null;
  const wanted = { account, from: user, stop: signal, onReceived: () => direct?.wake() };

  try {
    while (!signal.aborted) {
      if ((await pollerOf(context, account, store.admin))?.purpose === 'serve') {
        await direct?.end();
        direct = null;
      } else {
        direct ??= await startDirectDelivery(
          context,
          store,
          { account, user, sinceMs, stop: signal },
          () => {},
        );
        if (direct === null || direct.isLoginDead) return true;
        if (!signal.aborted && (await pollIfFree(context, polling, connection, wanted))?.expired) return true;
        direct.wake();
      }
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
    return false;
  } finally {
    await direct?.end();
    await polling.close();
    await transport.close();
  }
}
