import { type Account, loginDigest } from '../../home/accounts-file.ts';
import type { Transport } from '../../ilink/http/transport.ts';
import { pollOnce } from '../../runner/intake/poll-once.ts';
import { DEFAULT_RUNNER_OPTIONS } from '../../runner/port/options.ts';
import { LeaseLost } from '../../store/port/lease.ts';
import type { Store } from '../../store/port/port.ts';
import { connect } from '../account/connection.ts';
import { openPolling } from '../account/polling.ts';
import type { CommandContext } from '../command/context.ts';

/** How long a fresh login waits for the user's first message. */
const WAIT_MS = 60_000;

/**
 * Waits for the user's first message, which is stored for the first run to answer: before it
 * nothing can be sent. False when none came, or when a runner has the account already.
 */
export async function awaitFirstMessage(
  context: CommandContext,
  account: Account,
  transport: Transport,
  store: Store,
  signal: AbortSignal,
): Promise<boolean> {
  const lost = new AbortController();
  const polling = await openPolling(context, { purpose: 'look', store, stop: null });
  try {
    const taken = await polling.acquire(account, () => lost.abort());
    if (!('right' in taken)) return false;
    const { right } = taken;
    try {
      const { received } = await pollOnce({
        account: { key: account.key, id: account.id, login: loginDigest(account), owner: account.owner },
        ...connect(context, account, transport, polling.store),
        store: polling.store,
        trust: right.trust,
        settings: DEFAULT_RUNNER_OPTIONS,
        clock: context.clock,
        log: context.log,
        rescue: (line) => context.io.err(`${line}\n`),
        waitMs: WAIT_MS,
        from: account.owner,
        signal: AbortSignal.any([signal, lost.signal]),
      });
      return received > 0;
    } finally {
      await right.release();
    }
  } catch (error) {
    if (error instanceof LeaseLost) return false;
    throw error;
  } finally {
    await polling.close();
  }
}
