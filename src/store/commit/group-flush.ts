import type { Clock } from '../../core/time/clock.ts';
import type { Database } from '../../sqlite/database.ts';

/** Waits for the disk, for all who need it at once: it takes as long for one commit as for a hundred. */
export interface GroupSync {
  /**
   * Resolves when all that is committed by now is on the disk. `soon` leaves others a moment to share the wait,
   * and is served after those who wait `now`. `begins` is called when the disk is about to be told: what is committed
   * from then on may come later than what is waited for.
   */
  wait(urgency?: 'now' | 'soon', begins?: () => void): Promise<void>;
  /** Resolves when nobody waits any more. */
  idle(): Promise<void>;
}

interface Waiter {
  begins: (() => void) | undefined;
  resolve: () => void;
  reject: (reason: unknown) => void;
}

/** Within this time the answers of quick agents are committed too. */
const SOON_MS = 2;

/** See {@link GroupSync}; both ways to wait are for all that is committed when they are called. */
export function createGroupSync(database: Pick<Database, 'sync' | 'syncBlocking'>, clock: Clock): GroupSync {
  let group = newGroup();
  /** How many waited for the disk the last time. */
  let before = 0;
  let syncing: Promise<void> | null = null;

  async function work(): Promise<void> {
    // Who is told of the same commit asks in the same turn of the event loop.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    while (group.now.length + group.soon.length > 0) {
      const { now, soon } = group;
      const waiters = [...now, ...soon];
      group = newGroup();
      for (const waiter of waiters) waiter.begins?.();
      try {
        // One alone is served sooner than by a thread that has to wake up; where more goes on the event loop stays free.
        const isAlone = now.length === 1 && soon.length === 0 && before <= 1;
        before = waiters.length;
        if (isAlone) database.syncBlocking();
        else await database.sync();
        for (const waiter of waiters) waiter.resolve();
      } catch (error) {
        for (const waiter of waiters) waiter.reject(error);
      }
    }
    syncing = null;
  }

  function start(): void {
    syncing ??= work();
  }

  return {
    wait: (urgency = 'now', begins) =>
      new Promise((resolve, reject) => {
        const mine = group;
        mine[urgency].push({ begins, resolve, reject });
        if (urgency === 'now') start();
        // What follows a message that came in goes before: the wait is only begun when that has had its turn, and the
        // request that comes of it another one, which undici waits for.
        else {
          setImmediate(() =>
            setImmediate(() => void clock.sleep(SOON_MS).then(() => (mine === group ? start() : undefined))),
          );
        }
      }),
    async idle() {
      start();
      await syncing;
    },
  };
}

function newGroup(): { now: Waiter[]; soon: Waiter[] } {
  return { now: [], soon: [] };
}
