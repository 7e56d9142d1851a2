import { hostname } from 'node:os';
import { WxError } from '../../core/errors.ts';
import { untilAborted } from '../../core/time/event-loop.ts';
import { VERSION } from '../../core/version.ts';
import { claimantId } from '../../home/claimant.ts';
import type { Account } from '../../home/config-file.ts';
import type { HeldBy, LockPurpose } from '../../home/lock.ts';
import type { Trust } from '../../store/port/lease.ts';
import type { Admin, Store } from '../../store/port/port.ts';
import type { StoreServer } from '../../store/postgres-server.ts';
import type { LeaseHolder } from '../../store/workers/acquire-leases.ts';
import type { WorkerCard } from '../../store/workers/worker-rows.ts';
import type { CommandContext } from '../port/context.ts';
import { acquirePollerLock, lockHolderOf } from './poller-lock.ts';
import { openHomeStore, waitOf } from './store.ts';

/** The right to receive the messages of an account. One process has it at a time. */
export interface PollingRight {
  /** The holder before, which may have left claims; null: none. */
  readonly former: string | null;
  /** Whether it may be used at this moment; null: it always may. */
  readonly trust: Trust | null;
  /** Throws WxError when it was taken away, `busy`, `storage` or `network`: nothing more is to be received. */
  check(): void;
  release(): Promise<void>;
}

/** Who has the right. */
export interface Holder extends Pick<HeldBy, 'host' | 'pid' | 'purpose'> {
  /** When it began; null: an earlier version has noted it. */
  sinceMs?: number | null;
  /** The lease by which it has it; not given: a lock, whose holder certainly lives. */
  lease?: Pick<LeaseHolder, 'renewal' | 'leftMs'>;
}

/** How one process acquires rights to receive; see {@link openPolling}. */
export interface Polling {
  /** Whatever belongs to receiving goes through this store: on a server its steps need the right. */
  readonly store: Store;
  /** Acquires the right, or tells who has it; null: somebody who is about to let go. `onLost` tells when it is lost. */
  acquire(
    account: Pick<Account, 'key'>,
    onLost: () => void,
  ): Promise<{ right: PollingRight } | { holder: Holder | null }>;
  close(): Promise<void>;
}

/**
 * Prepares this process to receive for accounts that it names: by a lock of the home, or by leases of a server. `store` is one
 * that is open already; without it one is opened whose steps wait in trouble until `stop`.
 */
export async function openPolling(
  context: CommandContext,
  { purpose, store, stop }: { purpose: LockPurpose; store: Store | null; stop: AbortSignal | null },
): Promise<Polling> {
  if (context.server) return openLeases(context, context.server, { purpose, stop });
  const own = store ?? (await openHomeStore(context, { waitInTrouble: stop }));
  return {
    store: own,
    async acquire(account, onLost) {
      const taken = await acquirePollerLock(context, account, own, { purpose, onLost });
      if ('holder' in taken) return taken;
      const { lock } = taken;
      const former = lock.former && claimantId(lock.former);
      return { right: { ...lock, former, trust: null } };
    },
    async close() {
      if (own !== store) await own.close();
    },
  };
}

/** A process of a server that holds the leases it asks for, and no others. */
async function openLeases(
  context: CommandContext,
  server: StoreServer,
  { purpose, stop }: { purpose: LockPurpose; stop: AbortSignal | null },
): Promise<Polling> {
  /** The accounts in use here, each with what is done when it is lost, which resolves when it is not in use any more. */
  const used = new Map<string, () => Promise<void>>();
  const { store, keeper } = await server.work({
    ...workerOptions(context, { purpose, capacity: null }, stop),
    service: {
      // What was lost for a moment waits here until it is asked for again.
      start() {},
      rest: async () => true,
      async drain() {},
      drop: async (account) => used.get(account)?.(),
    },
  });
  return {
    store,
    async acquire({ key }, onLost) {
      if (used.has(key)) return { holder: { host: hostname(), pid: process.pid, purpose } };
      let lost: WxError | null = null;
      const use = new AbortController();
      used.set(key, async () => {
        lost ??= leaseLost(key);
        onLost();
        await untilAborted(use.signal);
      });
      function end(): void {
        used.delete(key);
        use.abort();
      }
      try {
        const taken = await keeper.acquire(key);
        if ('holder' in taken) {
          end();
          const { holder } = taken;
          return { holder: holder && { ...holder, purpose: purposeOf(holder), lease: holder } };
        }
        return {
          right: {
            former: taken.lease.former,
            trust: keeper.trustOf(key),
            check() {
              if (lost) throw lost;
            },
            async release() {
              end();
              await keeper.release(key);
            },
          },
        };
      } catch (error) {
        end();
        if (!(error instanceof WxError) || error.kind !== 'storage') throw error;
        // Nothing was done yet that could be lost: it can be asked for again.
        throw new WxError('network', error.message, { hint: error.hint, cause: error });
      }
    },
    async close() {
      await keeper.stop();
      await store.close();
    },
  };
}

/** Who receives the account's messages; null: no process does. */
export async function pollerOf(
  context: Pick<CommandContext, 'clock' | 'log' | 'paths' | 'server'>,
  account: Pick<Account, 'key'>,
  admin: Pick<Admin, 'poller'> | null,
): Promise<Holder | null> {
  if (!context.server) return lockHolderOf(context, account, admin);
  const worker = await context.server.workerOf(account.key);
  if (!worker) return null;
  const { host, pid, sinceMs } = worker;
  return { host, pid, sinceMs, purpose: purposeOf(worker) };
}

/** What this process is as a worker, whose steps wait in trouble until `stop`. */
export function workerOptions(
  context: Pick<CommandContext, 'log'>,
  share: Pick<WorkerCard, 'purpose' | 'capacity'>,
  stop: AbortSignal | null,
) {
  return {
    card: { name: hostname(), host: hostname(), pid: process.pid, version: VERSION, ...share },
    wait: waitOf(context, stop),
    report: (sentence: string) => context.log.warn(sentence),
  };
}

function purposeOf({ purpose }: { purpose: 'share' | LockPurpose }): LockPurpose {
  return purpose === 'share' ? 'serve' : purpose;
}

/** Another process may have the account by now: it is asked for again. */
export function leaseLost(key: string): WxError {
  return new WxError(
    'network',
    `the lease on ${key} could not be renewed: another process may receive its messages now`,
    { hint: 'wxagent doctor' },
  );
}
