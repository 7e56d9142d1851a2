import { type Account, loginDigest } from '../../home/accounts-file.ts';
import type { Transport } from '../../ilink/http/transport.ts';
import { pollOnce } from '../../runner/intake/poll-once.ts';
import { DEFAULT_RUNNER_OPTIONS } from '../../runner/port/options.ts';
import type { Store } from '../../store/port/port.ts';
import { connect } from '../account/connection.ts';
import { acquirePollerLock } from '../account/poller-lock.ts';
import type { CommandContext } from '../command/context.ts';

/** How long a fresh login waits for the user's first message (contract 2). */
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
  const onLost = (): void => lost.abort();
  const taken = await acquirePollerLock(context, account, store, { purpose: 'look', onLost });
  if (!('lock' in taken)) return false;
  try {
    const { received } = await pollOnce({
      account: { key: account.key, id: account.id, login: loginDigest(account), owner: account.owner },
      store,
      ...connect(context, account, transport, store),
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
    await taken.lock.release();
  }
}
