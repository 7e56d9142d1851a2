import { randomBytes } from 'node:crypto';
import { reasonOf } from '../../core/errors.ts';
import { atMostEvery, type Clock } from '../../core/time/clock.ts';
import { combinerOf, untilAborted } from '../../core/time/event-loop.ts';
import { LEAVE_MS, type Lease, type Trust } from '../port/lease.ts';
import type { Taken } from './acquire-leases.ts';
import type { Fence } from './fence.ts';
import { createHeldLeases, type LeasedService } from './held-leases.ts';
import type { LeaseDatabase } from './lease-database.ts';
import { createTrustWindow, RENEW_EVERY_MS } from './lease-trust.ts';
import { type Plan, readBoard } from './rebalance.ts';
import { channelOf, type WorkerCard } from './worker-rows.ts';

/** Keeps the leases of this worker: its share of the accounts, or just those that it asks for. */
export interface LeaseKeeper {
  /** The id of this worker; a new one after every start, and after it has expired. */
  readonly worker: string;
  /** Whether this worker may trust its leases at all. */
  readonly trust: Trust;
  /** Whether it may act for an account that it has now; never again after that lease is lost. */
  trustOf(account: string): Trust;
  readonly fence: Fence;
  /**
   * Who claims parts. Whoever holds the lease on an account goes by no claim of another worker: its request may have
   * arrived, and is repeated unchanged.
   */
  readonly claimant: { readonly id: string; isAlive(holder: string): boolean };
  /** Accounts that are to be served, by whichever worker. */
  offer(accounts: readonly string[]): Promise<void>;
  /** Takes an account by its name. What it has already is its own. */
  acquire(account: string): Promise<Taken>;
  /** Gives one back that is served here no longer. Never rejects: it is tried again until it is done. */
  release(account: string): Promise<void>;
  /** An account that has logged out, and that is not served here any more. */
  withdraw(account: string): Promise<void>;
  /** Drops everything and begins anew: the database may not know what was done under its leases. */
  distrust(): void;
  /** Looks soon: something has changed. */
  wake(): void;
  /** Hands everything back, drained, and leaves. What is not drained in time, others take after one TTL. */
  stop(withinMs?: number): Promise<void>;
}

const LOOK_EVERY_MS = 1_000;
/** A timer that is later than this says that the process did not run. */
const DRIFT_MS = 1_000;
/** Without trust left, a renewal may still take this long. */
const LEAST_RENEWAL_MS = 2_000;
const RETRY_MS = 500;
/** So long others wait for accounts that come to rest by themselves; then one in a turn is picked, and begins no other. */
const PATIENCE_MS = 10_000;
const REPORT_EVERY_MS = 30_000;
/** Where workers start one after the other, the first ones have no room for all accounts. */
const LACK_MS = 30_000;
const REPORT_LACK_EVERY_MS = 10 * 60_000;

/** The ids of all workers begin with this, so that a claim in the outbox tells who made it. */
const WORKER_PREFIX = 'worker:';

/** Hints that something has changed; see `createHints`. */
export interface LeaseHints {
  listen(channel: string, onHint: () => void): void;
  notify(channel: string): void;
  close(): Promise<void>;
}

/** Registers a worker and keeps its leases. Rejects when it cannot register. See {@link LeaseKeeper}. */
export async function startLeaseKeeper(options: {
  database: LeaseDatabase;
  card: WorkerCard;
  service: LeasedService;
  clock: Clock;
  /** Whether a process that is no worker may still send a part that it has claimed. */
  isAlive(claimant: string): boolean;
  /** Wakes workers before they look by themselves. */
  hints?: LeaseHints;
  /** Says from time to time what is wrong. */
  report(sentence: string): void;
}): Promise<LeaseKeeper> {
  const { database, card, clock, hints } = options;
  const trust = createTrustWindow(clock);
  const isSharing = card.purpose === 'share';
  const held = createHeldLeases(options.service, { onChange: wake, report, clock });
  let worker = newWorkerId(card.name);
  let isLeaving = false;
  let isOver = false;
  let beatNow = new AbortController();
  let lookNow = new AbortController();
  let isLookWanted = true;
  let isDistrusted = false;
  /** What the last look has asked for may have been done all the same. */
  let isUnsure = false;
  /** Since when others need more accounts than are at rest; monotonic; null: they do not. */
  let wantedSinceMs: number | null = null;
  const isReportDue = atMostEvery(REPORT_EVERY_MS, clock);
  /** Since when no worker has room for some accounts; monotonic; null: they have. */
  let lackingSinceMs: number | null = null;
  const isLackDue = atMostEvery(REPORT_LACK_EVERY_MS, clock);
  const onEmpty: (() => void)[] = [];

  function report(error: unknown): void {
    if (isReportDue()) options.report(`the leases of this worker cannot be renewed: ${reasonOf(error)}`);
  }

  function reportLack(accounts: number): void {
    if (accounts === 0 || isLeaving) {
      lackingSinceMs = null;
      return;
    }
    lackingSinceMs ??= clock.monotonic();
    if (clock.monotonic() - lackingSinceMs < LACK_MS || !isLackDue()) return;
    options.report(
      `accounts that nobody serves, because no worker may open more files: ${accounts}; start another worker, or raise LimitNOFILE= of systemd (ulimit -n)`,
    );
  }

  /** Renews as long as the worker lives. Between failures it tries more often. */
  async function beatAll(): Promise<void> {
    while (!isOver) {
      beatNow = new AbortController();
      const isDone = await beat();
      await clock.sleep(isDone ? RENEW_EVERY_MS : RETRY_MS, beatNow.signal);
    }
  }

  async function beat(): Promise<boolean> {
    const sentAt = trust.now();
    try {
      const isAlive =
        !isDistrusted && (await database.keepAlive(worker, Math.max(trust.leftMs(), LEAST_RENEWAL_MS)));
      if (isAlive) trust.renewed(sentAt);
      else await beginAnew();
      return true;
    } catch (error) {
      trust.failed();
      report(error);
      // What still runs would end for nothing, and another worker may begin the same. Only a database that cannot be asked
      // is not asked: a clock that was moved, or a machine that slept together with it, ends no lease.
      if (held.size > 0 && trust.hasRunOut()) distrust();
      return false;
    }
  }

  /** After it has expired: everything is dropped, and what nobody has taken is gained again. */
  async function beginAnew(): Promise<void> {
    dropAll();
    const sentAt = trust.now();
    const next = newWorkerId(card.name);
    await database.enterAnew(worker, next, card);
    isDistrusted = false;
    worker = next;
    hints?.listen(channelOf(worker), wake);
    if (isLeaving) await database.beginLeaving(worker);
    trust.renewed(sentAt);
    wake();
  }

  async function lookAll(): Promise<void> {
    let at = trust.now();
    while (!isOver) {
      lookNow = new AbortController();
      if (!isLookWanted) await clock.sleep(LOOK_EVERY_MS, lookNow.signal);
      isLookWanted = false;
      const before = at;
      at = trust.now();
      const gapMs = Math.max(at.monotonicMs - before.monotonicMs, at.wallMs - before.wallMs);
      if (gapMs > LOOK_EVERY_MS + DRIFT_MS) {
        trust.spend();
        beatNow.abort();
      }
      if (!trust.isTrusted()) continue;
      try {
        await look();
        isUnsure = false;
      } catch (error) {
        isUnsure = true;
        report(error);
      }
      at = trust.now();
    }
  }

  async function look(): Promise<void> {
    const me = worker;
    const mayTakeOver = trust.isSteady() && !isLeaving;
    const reading = isSharing ? readBoard(await database.look(), me, mayTakeOver) : null;
    if (reading) reportLack(reading.unserved);
    if (isUnsure || reading?.held !== held.sum) await compare(me);
    const drained = held.drained();
    if (drained.length > 0) await release(me, drained);
    if (reading && !isLeaving && (reading.take > 0 || reading.isAwaited)) {
      const taken = await database.take({ worker: me, name: card.name }, { most: reading.take, mayTakeOver });
      // Anything may have happened before the answer came.
      if (me === worker) for (const lease of taken) held.gain(lease);
    }
    const kept = held.kept();
    if (kept.length > 0) {
      await database.keep(kept);
      held.keep(kept);
    }
    if (reading && !isLeaving) await give(me, reading.give);
    if (isLeaving && held.size === 0) for (const resolve of onEmpty.splice(0)) resolve();
  }

  /** Hands over what others need: what is at rest, and for want of that, after a while, also what is in a turn. */
  async function give(me: string, shares: Plan['give']): Promise<void> {
    const count = shares.reduce((sum, share) => sum + share.count, 0);
    const isUrgent = wantedSinceMs !== null && clock.monotonic() - wantedSinceMs >= PATIENCE_MS;
    const given = count > 0 ? await database.give(me, shares, isUrgent ? held.willing() : []) : [];
    if (given.length === count) wantedSinceMs = null;
    else wantedSinceMs ??= clock.monotonic();
    for (const account of given) void held.handOver(account).catch(report);
  }

  /** Compares with the rows themselves: leases may be lost, or gained by a commit whose answer was lost. */
  async function compare(me: string): Promise<void> {
    const rows = await database.heldLeases(me);
    if (me !== worker) return;
    const now = new Map(rows.map((row) => [row.account, row]));
    for (const { lease } of held.all()) {
      if (now.get(lease.account)?.epoch !== lease.epoch) held.drop(lease.account);
    }
    for (const { isHandedOver, ...lease } of rows) {
      held.gain(lease);
      if (isLeaving) void held.drain(lease.account);
      else if (isHandedOver) void held.handOver(lease.account).catch(report);
    }
  }

  async function release(me: string, leases: readonly Lease[]): Promise<void> {
    for (const next of await database.release(leases)) hints?.notify(channelOf(next));
    if (me !== worker) return;
    for (const lease of leases) held.forget(lease);
  }

  function dropAll(): void {
    trust.spend();
    for (const { lease } of held.all()) held.drop(lease.account);
  }

  /** Whatever was done under the leases may not have happened for the database: it begins anew. */
  function distrust(): void {
    isDistrusted = true;
    dropAll();
    beatNow.abort();
  }

  function wake(): void {
    isLookWanted = true;
    lookNow.abort();
  }

  const sentAt = trust.now();
  await database.enter(worker, card);
  hints?.listen(channelOf(worker), wake);
  trust.renewed(sentAt);
  const running = [beatAll(), lookAll()];

  return {
    get worker() {
      return worker;
    },
    trust,
    trustOf(account) {
      const one = held.get(account);
      const lost = one?.lost.signal ?? AbortSignal.abort();
      const combined = combinerOf(lost);
      const isTrusted = (): boolean => !lost.aborted && trust.isTrusted();
      return {
        isTrusted,
        get signal() {
          return combined(trust.signal);
        },
        async regained(signal) {
          while (!signal.aborted && !isTrusted())
            await (lost.aborted ? untilAborted(signal) : trust.regained(signal));
        },
      };
    },
    fence(account) {
      const one = held.get(account);
      return one?.isBegun ? one.lease : null;
    },
    claimant: {
      get id() {
        return worker;
      },
      isAlive: (holder) => !holder.startsWith(WORKER_PREFIX) && options.isAlive(holder),
    },
    async offer(accounts) {
      await database.add(accounts);
      wake();
    },
    async acquire(account) {
      for (;;) {
        const me = worker;
        const own = held.get(account);
        if (own?.state === 'waiting') {
          await held.ended(account);
          continue;
        }
        if (own?.state === 'serving') return { lease: own.lease };
        if (own) {
          await release(me, [own.lease]);
          continue;
        }
        const taken = await database.takeNamed(
          { worker: me, name: card.name },
          { account, mayTakeOver: trust.isSteady() },
        );
        // One that has expired meanwhile has lost it, or is told of it under its new name.
        if (me !== worker) continue;
        if ('holder' in taken) return taken;
        held.gain(taken.lease);
      }
    },
    async release(account) {
      const own = held.get(account);
      if (!own) return;
      held.end(account);
      await release(worker, [own.lease]).catch(report);
    },
    withdraw: (account) => database.remove(account, worker),
    distrust,
    wake,
    async stop(withinMs = LEAVE_MS) {
      isLeaving = true;
      const ended = new AbortController();
      const emptied = new Promise<true>((resolve) => onEmpty.push(() => resolve(true)));
      // What follows on this connection comes after it.
      void database.beginLeaving(worker).catch(report);
      const drained = Promise.all(held.all().map(({ lease }) => held.drain(lease.account)));
      wake();
      // Of a server that does not answer, nothing is waited for when nothing runs any more.
      const late = Promise.race([
        clock.sleep(withinMs, ended.signal),
        drained.then(() => clock.sleep(LEAVE_MS, ended.signal)),
      ]).then(() => false);
      const isEmpty = await Promise.race([emptied, late]);
      ended.abort();
      isOver = true;
      beatNow.abort();
      wake();
      await Promise.all(running);
      for (const { lease } of held.all()) held.drop(lease.account);
      if (isEmpty) await database.leave(worker).catch(report);
      await Promise.all([hints?.close(), database.close()]);
    },
  };
}

function newWorkerId(name: string): string {
  return `${WORKER_PREFIX}${name}:${randomBytes(8).toString('hex')}`;
}
