import type { Account } from '../../home/config-file.ts';
import type { Transport } from '../../ilink/http/transport.ts';
import type { Store } from '../../store/port/port.ts';
import { connect } from '../account/connection.ts';
import { pollIfFree } from '../account/poll-now.ts';
import { openPolling } from '../account/polling-right.ts';
import type { CommandContext } from '../port/context.ts';

/** How long a fresh login waits for the user's first message. */
const WAIT_MS = 60_000;

/** Waits for the user's first message: before it nothing can be sent. False: none came, or a runner has the account. */
export async function awaitFirstMessage(
  context: CommandContext,
  account: Account,
  transport: Transport,
  store: Store,
  stop: AbortSignal,
): Promise<boolean> {
  const polling = await openPolling(context, { purpose: 'look', store, stop: null });
  try {
    const connection = connect(context, account, transport, polling.store);
    const wanted = { account, from: account.owner, waitMs: WAIT_MS, stop };
    const polled = await pollIfFree(context, polling, connection, wanted);
    return polled !== null && polled.received > 0;
  } finally {
    await polling.close();
  }
}
