import { randomBytes } from 'node:crypto';
import { reasonOf } from '../../core/errors.ts';
import { atMostEvery, type Clock } from '../../core/time/clock.ts';
import { combinerOf, untilAborted } from '../../core/time/event-loop.ts';
import { LEAVE_MS, type Lease, type Trust } from '../port/lease.ts';
import { heldSum, readBoard } from './board.ts';
import type { Fence } from './fence.ts';
import type { LeaseDatabase } from './lease-database.ts';
import type { Taken } from './lease-rows.ts';
import { createTrustWindow, RENEW_EVERY_MS } from './lease-trust.ts';
import { channelOf, type WorkerCard } from './worker-rows.ts';

/** What serves the accounts of a worker. */
export interface LeasedService {
  /** An account was gained. */
  start(lease: Lease): void;
  /** The account is handed over: no new turn begins. Resolves when the last one is answered. */
  drain(account: string): Promise<void>;
  /**
   * Another worker has the account, or may have it: it ends at once, whatever runs. Resolves when nothing of it is left that
   * could still ask the store for anything: it would do so under the next lease of this worker.
   */
  drop(account: string): Promise<void>;
}

/**
 * Keeps the leases of this worker: takes its share of the accounts, renews, hands over. One whose purpose is not to share has
 * just those that it asks for.
 */
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
  /**
   * Drops everything at once, and begins anew: what was done under its leases may not have happened for the database.
   */
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
const REPORT_EVERY_MS = 30_000;

/** The ids of all workers begin with this, so that a claim in the outbox tells who made it. */
const WORKER_PREFIX = 'worker:';

/** Hints that something has changed; see `createHints`. */
export interface LeaseHints {
  listen(channel: string, onHint: () => void): void;
  notify(channel: string): void;
  close(): Promise<void>;
}

interface Held {
  lease: Lease;
  lost: AbortController;
  /** `waiting`: what served it under a former lease has not ended yet. */
  state: 'waiting' | 'serving' | 'draining' | 'drained';
  /** Whether anything has been done under this lease. */
  isBegun: boolean;
  /** Resolves when it has drained. */
  drained: Promise<void> | null;
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
  /** Says from time to time why leases cannot be renewed. */
  report(why: string): void;
}): Promise<LeaseKeeper> {
  const { database, card, service, clock, hints } = options;
  const trust = createTrustWindow(clock);
  const isSharing = card.purpose === 'share';
  const held = new Map<string, Held>();
  /** What was dropped and has not ended. */
  const ending = new Map<string, Promise<unknown>>();
  let worker = newWorkerId(card.name);
  let isLeaving = false;
  let isOver = false;
  let beatNow = new AbortController();
  let lookNow = new AbortController();
  let isLookWanted = true;
  let isDistrusted = false;
  const isReportDue = atMostEvery(REPORT_EVERY_MS, clock);
  const onEmpty: (() => void)[] = [];

  function report(error: unknown): void {
    if (isReportDue()) options.report(reasonOf(error));
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
      } catch (error) {
        report(error);
      }
      at = trust.now();
    }
  }

  async function look(): Promise<void> {
    const me = worker;
    const mayTakeOver = trust.isSteady() && !isLeaving;
    const reading = isSharing ? readBoard(await database.look(), me, mayTakeOver) : null;
    if (reading?.held !== sumOfHeld()) await compare(me);
    const drained = [...held.values()].filter(({ state }) => state === 'drained');
    if (drained.length > 0)
      await release(
        me,
        drained.map(({ lease }) => lease),
      );
    if (reading && !isLeaving && (reading.take > 0 || reading.isAwaited)) {
      const taken = await database.take({ worker: me, name: card.name }, { most: reading.take, mayTakeOver });
      // Anything may have happened before the answer came.
      if (me === worker) for (const lease of taken) gain(lease);
    }
    if (reading && !isLeaving && reading.give.length > 0) {
      for (const account of await database.give(me, reading.give)) void drain(account);
    }
    if (isLeaving && held.size === 0) for (const resolve of onEmpty.splice(0)) resolve();
  }

  /** Compares with the rows themselves: leases may be lost, or gained by a commit whose answer was lost. */
  async function compare(me: string): Promise<void> {
    const rows = await database.holdings(me);
    if (me !== worker) return;
    const now = new Map(rows.map((row) => [row.account, row]));
    for (const [account, { lease }] of [...held]) {
      if (now.get(account)?.epoch !== lease.epoch) drop(account);
    }
    for (const { isHandedOver, ...lease } of rows) {
      if (!held.has(lease.account)) gain(lease);
      if (isHandedOver || isLeaving) void drain(lease.account);
    }
  }

  function gain(lease: Lease): void {
    const known = held.get(lease.account);
    if (known?.lease.epoch === lease.epoch) return;
    if (known) drop(lease.account);
    const one: Held = { lease, lost: new AbortController(), state: 'waiting', isBegun: false, drained: null };
    held.set(lease.account, one);
    void serve(one);
  }

  async function serve(one: Held): Promise<void> {
    const { lease } = one;
    for (let former = ending.get(lease.account); former; former = ending.get(lease.account)) await former;
    if (held.get(lease.account) !== one || one.state !== 'waiting') return;
    one.state = 'serving';
    one.isBegun = true;
    service.start(lease);
  }

  function drop(account: string): void {
    // First: from here on no step of it passes the fence.
    const one = held.get(account);
    if (!one) return;
    held.delete(account);
    one.lost.abort();
    const former = ending.get(account);
    const ended = Promise.all([former, service.drop(account).catch(report)]).then(() => {
      if (ending.get(account) === ended) ending.delete(account);
    });
    ending.set(account, ended);
  }

  async function drain(account: string): Promise<void> {
    const one = held.get(account);
    if (!one) return;
    if (one.state === 'waiting') {
      one.state = 'drained';
      wake();
    }
    if (one.state === 'serving') {
      one.state = 'draining';
      one.drained = service
        .drain(account)
        .catch(report)
        .then(() => {
          one.state = 'drained';
          wake();
        });
    }
    await one.drained;
  }

  async function release(me: string, leases: readonly Lease[]): Promise<void> {
    for (const next of await database.release(leases)) hints?.notify(channelOf(next));
    if (me !== worker) return;
    for (const { account, epoch } of leases) {
      if (held.get(account)?.lease.epoch === epoch) held.delete(account);
    }
  }

  function sumOfHeld(): string {
    let epochs = 0;
    for (const { lease } of held.values()) epochs += lease.epoch;
    return heldSum(held.size, epochs);
  }

  function dropAll(): void {
    trust.spend();
    for (const account of [...held.keys()]) drop(account);
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
          await ending.get(account);
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
        gain(taken.lease);
      }
    },
    async release(account) {
      const own = held.get(account);
      if (!own) return;
      own.state = 'drained';
      await release(worker, [own.lease]).catch(report);
    },
    withdraw: (account) => database.remove(account, worker),
    distrust() {
      isDistrusted = true;
      dropAll();
      beatNow.abort();
    },
    wake,
    async stop(withinMs = LEAVE_MS) {
      isLeaving = true;
      const ended = new AbortController();
      const emptied = new Promise<true>((resolve) => onEmpty.push(() => resolve(true)));
      await database.beginLeaving(worker).catch(report);
      const drained = Promise.all([...held.keys()].map(drain));
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
      for (const account of [...held.keys()]) drop(account);
      if (isEmpty) await database.leave(worker).catch(report);
      await hints?.close();
      await database.close();
    },
  };
}

function newWorkerId(name: string): string {
  return `${WORKER_PREFIX}${name}:${randomBytes(8).toString('hex')}`;
}
