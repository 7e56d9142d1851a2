import type { Account } from '../../home/config-file.ts';
import type { Store } from '../../store/port/port.ts';
import { connect, openTransport } from '../account/connection.ts';
import { pollIfFree } from '../account/poll-now.ts';
import { openPolling, pollerOf } from '../account/polling-right.ts';
import { loginOfLate } from '../login/stored-accounts.ts';
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
  { account: first, user }: { account: Account; user: string },
  signal: AbortSignal,
): Promise<boolean> {
  const { clock } = context;
  const sinceMs = clock.now();
  const transport = openTransport(context);
  const polling = await openPolling(context, { purpose: 'look', store, stop: null });
  let account = first;
  let connection = connect(context, account, transport, polling.store);
  let direct: DirectDelivery | null = null;
  const wanted = { from: user, stop: signal, onReceived: () => direct?.wake() };

  try {
    while (!signal.aborted) {
      const login = await loginOfLate(context, account);
      const isNew = login !== account;
      if (isNew) [account, connection] = [login, connect(context, login, transport, polling.store)];
      const isServed = (await pollerOf(context, account, store.admin))?.purpose === 'serve';
      if (isNew || isServed) {
        await direct?.end();
        direct = null;
      }
      if (!isServed) {
        direct ??= await startDirectDelivery(
          context,
          store,
          { account, user, sinceMs, stop: signal },
          () => {},
        );
        const isExpired =
          direct === null ||
          direct.isLoginDead ||
          (!signal.aborted &&
            (await pollIfFree(context, polling, connection, { ...wanted, account }))?.expired);
        if (isExpired && (await loginOfLate(context, account)) === account) return true;
        direct?.wake();
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
