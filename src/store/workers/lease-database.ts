import type { Clock } from '../../core/time/clock.ts';
import { type Connection, type Limits, openConnection } from '../../postgres/connection.ts';
import { serverError } from '../../postgres/failures.ts';
import { createQueryTexts } from '../../postgres/query-text.ts';
import type { ServerAddress } from '../../postgres/server-address.ts';
import { FaultOfStep, type Lock, runInTransaction, UnknownCommit } from '../../postgres/transaction.ts';
import { type Row, type Statement, type Step, together } from '../../sql/statement.ts';
import type { Lease } from '../port/lease.ts';
import { type Taken, takeFree, takeNamed } from './acquire-leases.ts';
import { giveBack, handOver, heldBy, keep, offer, withdraw } from './lease-rows.ts';
import {
  announceLeaving,
  board,
  register,
  renewWorker,
  revive,
  unregister,
  type WorkerCard,
} from './worker-rows.ts';

/** What a worker asks of the database about workers and leases. Every call rejects when there is no answer in time. */
export interface LeaseDatabase {
  enter(worker: string, card: WorkerCard): Promise<void>;
  /** False: it has expired. On a connection of its own, which nothing else keeps busy. */
  keepAlive(worker: string, withinMs: number): Promise<boolean>;
  enterAnew(from: string, to: string, card: WorkerCard): Promise<void>;
  look(): Promise<{ workers: Row[]; groups: Row[] }>;
  heldLeases(worker: string): Promise<(Lease & { isHandedOver: boolean })[]>;
  take(me: { worker: string; name: string }, how: { most: number; mayTakeOver: boolean }): Promise<Lease[]>;
  takeNamed(
    me: { worker: string; name: string },
    how: { account: string; mayTakeOver: boolean },
  ): Promise<Taken>;
  /** Marks accounts to be handed over; of those in a turn only `busy`; see {@link handOver}. */
  give(worker: string, give: { to: string; count: number }[], busy: readonly string[]): Promise<string[]>;
  /** Takes these marks back. */
  keep(leases: readonly Omit<Lease, 'former'>[]): Promise<void>;
  /** The workers that wait for them. */
  release(leases: readonly Omit<Lease, 'former'>[]): Promise<string[]>;
  add(accounts: readonly string[]): Promise<void>;
  remove(account: string, worker: string): Promise<void>;
  beginLeaving(worker: string): Promise<void>;
  leave(worker: string): Promise<void>;
  close(): Promise<void>;
}

/** A process that was stopped in one of these short transactions must not keep the others waiting. */
const SHORT: Limits = {
  connectMs: 5_000,
  lockMs: 2_000,
  statementMs: 5_000,
  idleMs: 2_000,
  answerMs: 5_000,
};

/** See {@link LeaseDatabase}. Nothing is opened before the first call; a connection that fails is not used again. */
export function createLeaseDatabase(address: ServerAddress, clock: Clock, limits = SHORT): LeaseDatabase {
  // A few statements a second need not be kept by the server, which some poolers do not bear.
  const textFor = createQueryTexts({ schema: address.schema, isPrepared: false });
  const renewals = createOwnConnection();
  const changes = createOwnConnection();

  function createOwnConnection() {
    let connection: Connection | null = null;
    let last: Promise<unknown> = Promise.resolve();

    async function drop(): Promise<void> {
      const dropped = connection;
      connection = null;
      await dropped?.close('now');
    }

    async function attempt<T>(step: () => Step<T>, lock: Lock | null, withinMs: number | null): Promise<T> {
      const late = new AbortController();
      const timer =
        withinMs !== null &&
        clock.sleep(withinMs, late.signal).then(() => {
          if (!late.signal.aborted) return drop();
        });
      try {
        if (connection && !connection.isOpen) await drop();
        connection ??= await openConnection({ address, limits, textFor });
        return await runInTransaction(connection, step(), lock);
      } catch (error) {
        await drop();
        const isWrapped = error instanceof FaultOfStep || error instanceof UnknownCommit;
        throw serverError(address, isWrapped ? error.cause : error);
      } finally {
        late.abort();
        await timer;
      }
    }

    return {
      /** One after the other: a step that is late ends its connection; each answer has a limit of its own. */
      settle<T>(step: () => Step<T>, lock: Lock | null, withinMs: number | null = null): Promise<T> {
        const result = last.then(() => attempt(step, lock, withinMs));
        last = result.catch(() => {});
        return result;
      },
      async close(): Promise<void> {
        await last;
        await connection?.close();
        connection = null;
      },
    };
  }

  /** Changes of leases follow each other: what a worker decides by the board is still so when it is done. */
  const lock = { schema: address.schema, name: 'leases' };
  const read = <T>(step: () => Step<T>): Promise<T> => changes.settle(step, null);
  const change = <T>(step: () => Step<T>): Promise<T> => changes.settle(step, lock);
  const just = (statement: () => Statement<number>): (() => Step<number>) =>
    function* () {
      return yield* statement();
    };

  return {
    enter: async (worker, card) => void (await change(just(() => register(worker, card)))),
    keepAlive: async (worker, withinMs) =>
      (await renewals.settle(
        just(() => renewWorker(worker)),
        null,
        withinMs,
      )) > 0,
    enterAnew: (from, to, card) => change(() => revive(from, to, card)),
    look: () => read(board),
    heldLeases: (worker) => read(() => heldBy(worker)),
    take: (me, how) => change(() => takeFree(me, how)),
    takeNamed: (me, how) => change(() => takeNamed(me, how)),
    give: (worker, give, busy) =>
      change(function* () {
        const picked: string[] = [];
        for (const { to, count } of give) picked.push(...(yield* handOver(worker, to, count, busy)));
        return picked;
      }),
    keep: (leases) =>
      change(function* () {
        yield* together(...leases.map(keep));
      }),
    release: (leases) =>
      change(function* () {
        const rows = yield* together(...leases.map(giveBack));
        return [...new Set(rows.flatMap((row) => (row && row.next !== null ? [row.next as string] : [])))];
      }),
    add: async (accounts) => void (await change(just(() => offer(accounts)))),
    remove: async (account, worker) => void (await change(just(() => withdraw(account, worker)))),
    beginLeaving: async (worker) => void (await change(just(() => announceLeaving(worker)))),
    leave: async (worker) => void (await change(just(() => unregister(worker)))),
    close: () => Promise.all([renewals, changes].map((one) => one.close())).then(() => undefined),
  };
}
