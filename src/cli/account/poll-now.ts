import { type Account, loginDigest } from '../../home/config-file.ts';
import { pollOnce } from '../../runner/intake/poll-once.ts';
import { DEFAULT_RUNNER_OPTIONS } from '../../runner/port/options.ts';
import { LeaseLost } from '../../store/port/lease.ts';
import type { CommandContext } from '../port/context.ts';
import type { Connection } from './connection.ts';
import type { Polling, PollingRight } from './polling-right.ts';

/** What a command polls for. */
interface Wanted {
  account: Account;
  /** The user whose message ends the poll; null: any user. */
  from: string | null;
  /** How long it polls if no message arrives; not given: one whole poll. */
  waitMs?: number;
  onReceived?: () => void;
  /** Ends the poll. */
  stop: AbortSignal;
}

/** Polls without an agent; what comes waits in the inbox. Tells how much came, and whether the login has expired. */
export function pollNow(
  { clock, log, io }: Pick<CommandContext, 'clock' | 'log' | 'io'>,
  { store }: Pick<Polling, 'store'>,
  { trust }: Pick<PollingRight, 'trust'>,
  connection: Connection,
  { account, from, waitMs = 0, onReceived, stop }: Wanted,
): ReturnType<typeof pollOnce> {
  return pollOnce({
    ...connection,
    account: { key: account.key, id: account.id, login: loginDigest(account), owner: account.owner },
    store,
    trust,
    settings: DEFAULT_RUNNER_OPTIONS,
    clock,
    log,
    rescue: (line) => io.err(`${line}\n`),
    waitMs,
    from,
    ...(onReceived && { onReceived }),
    signal: stop,
  });
}

/** Does so while no other process has the account. Null: another one has it, or has taken it over. */
export async function pollIfFree(
  context: Pick<CommandContext, 'clock' | 'log' | 'io'>,
  polling: Polling,
  connection: Connection,
  wanted: Wanted,
): Promise<Awaited<ReturnType<typeof pollOnce>> | null> {
  const lost = new AbortController();
  const taken = await polling.acquire(wanted.account, () => lost.abort());
  if (!('right' in taken)) return null;
  try {
    const stop = AbortSignal.any([wanted.stop, lost.signal]);
    return await pollNow(context, polling, taken.right, connection, { ...wanted, stop });
  } catch (error) {
    if (error instanceof LeaseLost) return null;
    throw error;
  } finally {
    await taken.right.release();
  }
}
