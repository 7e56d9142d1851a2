import { WxError } from '../core/errors.ts';
import { newUuid } from '../core/ids.ts';
import { claimantId, thisProcess } from '../home/claimant.ts';
import type { Logins } from '../home/credentials.ts';
import { LIMITS } from '../postgres/connection.ts';
import { createHints } from '../postgres/hints.ts';
import { parseServerUrl, type ServerAddress } from '../postgres/server-address.ts';
import { createServerSteps, type ServerSteps } from '../postgres/server-steps.ts';
import { NO_ACCOUNT, type StepRunner, type StepWait } from '../sql/step-runner.ts';
import { createAccountChanges } from './accounts/account-changes.ts';
import { areSealed } from './accounts/credentials.ts';
import { createSealing, type SealingOptions } from './accounts/sealing.ts';
import type { Claimant } from './outbox/user-lease.ts';
import type { Store } from './port/port.ts';
import { createMovableBlobs, createPostgresBlobs } from './postgres-blobs.ts';
import { createPostgresLogins } from './postgres-logins.ts';
import { inspectServer, type ServerReport, type WallClock } from './postgres-report.ts';
import { openPostgresStore } from './postgres-store.ts';
import { isNewest, migrateServer, versionOf } from './schema/migrate-postgres.ts';
import { createStore } from './store.ts';
import { checkIsHere } from './transfer/move-state.ts';
import type { Movable } from './transfer/move-store.ts';
import { servedOnServer } from './transfer/who-serves.ts';
import { type LearningClock, restoreServerTime } from './wechat-server-time.ts';
import type { LeasedService } from './workers/held-leases.ts';
import { createLeaseDatabase } from './workers/lease-database.ts';
import { type LeaseHints, type LeaseKeeper, startLeaseKeeper } from './workers/lease-keeper.ts';
import {
  type ServingWorker,
  type WorkerCard,
  type WorkerView,
  workerOf,
  workerViews,
} from './workers/worker-rows.ts';

/** A migration may go through all rows of a table, and is not to be run again and again for that: 0 is no limit. */
const UNHURRIED = { ...LIMITS, statementMs: 0, answerMs: 24 * 3_600_000 };

/** A PostgreSQL server, as the place of a store and of its logins. */
export interface StoreServer {
  /** Its URL without the password. */
  readonly name: string;
  /** Whether there is a key that decrypts logins; without one they can be named, and not used. */
  readonly hasKey: boolean;
  /** Whether the store is there; it is made by whoever first needs it. */
  readonly exists: boolean;
  readonly logins: Logins;
  /** Opens the store. With `wait` its steps wait for a server that is lost; without, they fail in the end. */
  open(wait?: StepWait | null): Promise<Store>;
  /**
   * Makes this process a worker, which alone may serve the accounts that it has leases on; see {@link LeaseKeeper}. With
   * `wait` the steps of its store wait for a server that is lost.
   */
  work(options: {
    card: WorkerCard;
    service: LeasedService;
    wait: StepWait | null;
    /** Says from time to time what is wrong. */
    report(sentence: string): void;
  }): Promise<{ store: Store; keeper: LeaseKeeper }>;
  /** Opens the store to move it from there, or to there: also one that is not to be used. A target makes tables, with a key. */
  openToMove(side: 'source' | 'target'): Promise<Movable>;
  /** All workers, oldest first. */
  workers(): Promise<WorkerView[]>;
  /** The worker that has an account; null: none, or one that has expired. */
  workerOf(account: string): Promise<ServingWorker | null>;
  /** What `doctor` tells of it. */
  inspect(clock: WallClock): Promise<ServerReport>;
  /** This process stops: see {@link ServerSteps.hurry}. */
  hurry(): void;
  close(): Promise<void>;
}

/**
 * Opens the server behind a URL; its schema stays as it is. Throws WxError: `usage` for what is not a URL, `network`,
 * `not-logged-in`, `config` for what is not a key, or a schema of a newer version.
 */
export async function openServer(options: {
  url: string;
  sealing: SealingOptions;
  clock: LearningClock;
}): Promise<StoreServer> {
  const { url, clock } = options;
  const address = parseServerUrl(url);
  const sealing = createSealing(options.sealing);
  const claimant: Claimant = {
    id: `${claimantId(thisProcess())}/${newUuid()}`,
    // A process cannot be looked at from another machine, nor from another container: leases run out.
    isAlive: () => true,
  };
  const runner = createServerSteps({ address, clock, wait: null });
  const isThere = async (): Promise<boolean> => ((await runner.read(() => versionOf(address))) ?? 0) > 0;
  let exists: boolean;
  try {
    exists = await isThere();
  } catch (error) {
    await runner.close();
    throw error;
  }
  let migrating: Promise<void> | null = null;
  let isHere = false;

  /** The runner, when the tables are there. Throws WxError `config` when the store has moved away. */
  async function migrated(): Promise<StepRunner> {
    const known = await newest();
    if (!isHere) await known.read(() => checkIsHere(String(address)));
    isHere = true;
    return known;
  }

  /** The same where its content may be elsewhere. */
  async function newest(): Promise<StepRunner> {
    migrating ??= migrate();
    try {
      await migrating;
    } catch (error) {
      migrating = null;
      throw error;
    }
    return runner;
  }

  async function migrate(): Promise<void> {
    if (await runner.read(() => isNewest(address))) return;
    // Of its own: what fails here is a server that cannot be used, and not a store that has failed.
    const first = createServerSteps({ address, clock, wait: null, limits: UNHURRIED });
    try {
      await first.run(NO_ACCOUNT, () => migrateServer(address));
    } finally {
      await first.close();
    }
  }

  /** The same, where others have made the tables; null: nobody has. */
  async function existing(): Promise<StepRunner | null> {
    exists ||= migrating !== null || (await isThere());
    return exists ? migrated() : null;
  }

  return {
    name: String(address),
    hasKey: sealing.isDecrypting,
    exists,
    logins: createPostgresLogins(existing, migrated, sealing),
    async open(wait = null) {
      const shared = await migrated();
      if (wait !== null) return openPostgresStore({ address, clock, claimant, wait });
      await shared.read(() => restoreServerTime(clock));
      // Its connections last longer than the store: logins and leases go over them.
      return createStore(unclosed(shared), {
        clock,
        claimant,
        blobs: createPostgresBlobs(shared, clock),
        accountChanges: createAccountChanges(shared),
      });
    },
    async work({ wait, ...options }) {
      await migrated();
      let lookForChanges = (): void => {};
      const hints = createHints({ address, clock, report() {} });
      const wakingHints: LeaseHints = {
        ...hints,
        listen: (channel, onHint) =>
          hints.listen(channel, () => {
            onHint();
            lookForChanges();
          }),
      };
      const keeper = await startLeaseKeeper({
        ...options,
        clock,
        database: createLeaseDatabase(address, clock),
        // Without hints workers look each second. Who looks once is not woken.
        ...(options.card.purpose === 'look' ? {} : { hints: wakingHints }),
        isAlive: claimant.isAlive,
      });
      const own = {
        claimant: keeper.claimant,
        // A worker begins anew under another id, and its command runs on.
        teller: claimant,
        fence: keeper.fence,
        onNewHistory: keeper.distrust,
      };
      const onOpen = (look: () => void): void => {
        lookForChanges = look;
      };
      try {
        const store = await openPostgresStore({ address, clock, ...own, wait, onOpen });
        return { store, keeper };
      } catch (error) {
        // It would hold accounts that it does not serve.
        await keeper.stop();
        throw error;
      }
    },
    async openToMove(side) {
      if (side === 'target') sealing.check();
      else if (!exists) throw noStore(address);
      const steps = await newest();
      return {
        name: String(address),
        dialect: 'postgres',
        steps,
        // Nothing is sealed again by who only reads.
        logins: createPostgresLogins(newest, newest, { ...sealing, canSeal: false }),
        files: createMovableBlobs(steps, clock),
        loginsAt: claimant.id,
        served: () => servedOnServer(claimant, clock.now()),
      };
    },
    workers: async () => (await existing())?.read(workerViews) ?? [],
    workerOf: async (account) => (await existing())?.read(() => workerOf(account)) ?? null,
    async inspect(wall) {
      // Without a key they are what they are in the database.
      const isSealed = (await (await existing())?.read(areSealed)) ?? sealing.isEncrypting;
      return inspectServer(runner, { address, clock: wall, isSealed });
    },
    hurry: runner.hurry,
    close: () => runner.close(),
  };
}

function unclosed(runner: StepRunner): StepRunner {
  return Object.create(runner, { close: { value: runner.flush } }) as StepRunner;
}

function noStore(address: ServerAddress): WxError {
  return new WxError('not-found', `there is no store in ${address}`, {
    hint: 'wxagent store migrate --from <store>',
  });
}
