import { type Clock, systemClock } from '../../../../src/core/time/clock.ts';
import { LIMITS } from '../../../../src/postgres/connection.ts';
import { parseServerUrl } from '../../../../src/postgres/server-address.ts';
import type { Lease } from '../../../../src/store/port/lease.ts';
import { createLeaseDatabase } from '../../../../src/store/workers/lease-database.ts';
import {
  type LeaseHints,
  type LeaseKeeper,
  startLeaseKeeper,
} from '../../../../src/store/workers/lease-keeper.ts';
import type { WorkerCard } from '../../../../src/store/workers/worker-rows.ts';

/** A worker without runners: it notes what it would serve. */
export interface TestWorker {
  keeper: LeaseKeeper;
  serving: Map<string, Lease>;
  /** Ends the drain of each account that drains. */
  drained: Map<string, () => void>;
  dropped: string[];
  reports: string[];
}

/** Starts a worker of a store. Unless `isSlow`, it has drained at once. */
export async function startTestWorker(
  url: string,
  name: string,
  {
    clock,
    isSlow = false,
    onStart,
    hints,
    purpose = 'share',
    rest = async () => true,
    ended = Promise.resolve(),
  }: {
    clock: Clock;
    isSlow?: boolean;
    onStart?: (lease: Lease) => void;
    hints?: LeaseHints;
    purpose?: WorkerCard['purpose'];
    rest?: (account: string) => Promise<boolean>;
    /** Until then something is left of what was dropped. */
    ended?: Promise<void>;
  },
): Promise<TestWorker> {
  const address = parseServerUrl(url);
  const worker: Omit<TestWorker, 'keeper'> = {
    serving: new Map(),
    drained: new Map(),
    dropped: [],
    reports: [],
  };
  const keeper = await startLeaseKeeper({
    database: createLeaseDatabase(address, systemClock, LIMITS),
    card: { name, host: 'here', pid: process.pid, version: '0', purpose, capacity: null },
    clock,
    isAlive: () => true,
    ...(hints ? { hints } : {}),
    report: (why) => void worker.reports.push(why),
    service: {
      start(lease) {
        onStart?.(lease);
        worker.serving.set(lease.account, lease);
      },
      rest,
      async drain(account) {
        if (isSlow) await new Promise<void>((resolve) => worker.drained.set(account, resolve));
        worker.serving.delete(account);
      },
      async drop(account) {
        worker.dropped.push(account);
        worker.serving.delete(account);
        await ended;
      },
    },
  });
  return { ...worker, keeper };
}
