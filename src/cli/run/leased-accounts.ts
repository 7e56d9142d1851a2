import type { Account } from '../../home/config-file.ts';
import { mostAccounts } from '../../home/open-files.ts';
import { LEAVE_MS, type Lease } from '../../store/port/lease.ts';
import type { Store } from '../../store/port/port.ts';
import type { StoreServer } from '../../store/postgres-server.ts';
import { type PollingRight, workerOptions } from '../account/polling-right.ts';
import type { CommandContext } from '../port/context.ts';

/** How soon an account that could not be offered to the workers is offered again. */
const AGAIN_MS = 1_000;

/** What serves an account; see `serve`. */
export interface AccountService {
  start(account: Account): void;
  /** Waits for a moment at which no turn of the account runs; see `Runner.rest`. */
  rest(key: string, ms: number): Promise<boolean>;
  /** Begins nothing new. Resolves when the account is served no longer. */
  drain(key: string): Promise<void>;
  /** Ends it at once. Resolves when nothing of it is left. */
  drop(key: string): Promise<void>;
}

/** The accounts of a server, which this process shares with other workers: it serves those that it has leases on. */
export interface LeasedAccounts {
  /** Every step of a served account needs its lease. */
  readonly store: Store;
  /** Serves what it has a lease on, from now on. */
  begin(service: AccountService): void;
  /** Accounts that have logged in: one of the workers serves each. */
  offer(accounts: readonly Account[]): void;
  /** An account that has logged out, and is served here no longer when it is drained. */
  withdraw(key: string, drained: Promise<void>): void;
  /** The keys of all that are logged in. */
  known(): Iterable<string>;
  /** The right to receive for an account, which its lease gives; null: it is lost by now. */
  right(key: string): PollingRight | null;
  /** Hands everything back, each account when it is drained. */
  leave(): Promise<void>;
  close(): Promise<void>;
}

/** Makes this process a worker of its server. */
export async function openLeasedAccounts(
  context: CommandContext,
  server: StoreServer,
  { stop, graceMs }: { stop: AbortSignal; graceMs: number },
): Promise<LeasedAccounts> {
  const { clock } = context;
  const logins = new Map<string, Account>();
  const leases = new Map<string, Lease>();
  let service: AccountService | null = null;
  let leaving: Promise<void> | null = null;

  function startIfMine(key: string): void {
    const account = logins.get(key);
    if (service && account && leases.has(key) && !stop.aborted) service.start(account);
  }

  const { store, keeper } = await server.work({
    ...workerOptions(context, { purpose: 'share', capacity: mostAccounts() }, stop),
    service: {
      start(lease) {
        leases.set(lease.account, lease);
        startIfMine(lease.account);
      },
      rest: async (key, ms) => (await service?.rest(key, ms)) ?? true,
      async drain(key) {
        await service?.drain(key);
        leases.delete(key);
      },
      async drop(key) {
        leases.delete(key);
        await service?.drop(key);
      },
    },
  });

  /** A server that does not answer now does so later. */
  async function persist(work: () => Promise<void>): Promise<void> {
    while (!stop.aborted) {
      try {
        return await work();
      } catch {
        await clock.sleep(AGAIN_MS, stop);
      }
    }
  }

  return {
    store,
    begin(given) {
      service = given;
      for (const key of [...leases.keys()]) startIfMine(key);
    },
    offer(accounts) {
      for (const account of accounts) {
        logins.set(account.key, account);
        startIfMine(account.key);
      }
      void persist(() => keeper.offer(accounts.map(({ key }) => key)));
    },
    withdraw(key, drained) {
      logins.delete(key);
      // It may have logged in again meanwhile.
      void drained.then(() => (logins.has(key) ? undefined : persist(() => keeper.withdraw(key))));
    },
    known: () => logins.keys(),
    right(key) {
      const lease = leases.get(key);
      if (!lease) return null;
      // Who loses it is told by `drop`, and gives it back when it is drained.
      return { former: lease.former, trust: keeper.trustOf(key), check() {}, async release() {} };
    },
    leave: () => (leaving ??= keeper.stop(graceMs + LEAVE_MS)),
    close: () => store.close(),
  };
}
