import { WxError } from '../core/errors.ts';
import { newUuid } from '../core/ids.ts';
import type { SteadyClock } from '../core/time/steady-clock.ts';
import type { AccountList } from '../home/accounts-file.ts';
import { claimantId, thisProcess } from '../home/claimant.ts';
import type { Logins } from '../home/credentials.ts';
import { createHints } from '../postgres/hints.ts';
import { isSocket, parseServerUrl, type ServerAddress } from '../postgres/server-address.ts';
import { createServerSteps } from '../postgres/server-steps.ts';
import { one, type Row, type Step } from '../sql/statement.ts';
import { NO_ACCOUNT, type StepRunner, type StepWait } from '../sql/step-runner.ts';
import {
  credentials,
  credentialsMark,
  putLogin,
  removeLogin,
  replaceLogins,
  sealAgain,
  useLogin,
} from './accounts/credentials.ts';
import { createNews } from './accounts/news.ts';
import { createSealing, type Sealing, type SealingOptions } from './accounts/sealing.ts';
import type { Movable } from './moving/move.ts';
import { servedOnServer } from './moving/served.ts';
import { checkIsHere } from './moving/whereabouts.ts';
import type { Claimant } from './outbox/lease.ts';
import type { Store } from './port/port.ts';
import { isNewest, migrateServer, versionOf } from './postgres-schema.ts';
import { openServerStore } from './postgres-store.ts';
import { createMovableBlobs, createServerBlobs } from './server-blobs.ts';
import { type LearningClock, restoreServerTime } from './server-time.ts';
import { createStore } from './store.ts';
import { createLeaseDatabase } from './workers/lease-database.ts';
import {
  type LeasedService,
  type LeaseHints,
  type LeaseKeeper,
  startLeaseKeeper,
} from './workers/lease-keeper.ts';
import { type WorkerCard, type WorkerView, workerOf, workerViews } from './workers/worker-rows.ts';

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
    /** Says from time to time why leases cannot be renewed. */
    report(why: string): void;
  }): Promise<{ store: Store; keeper: LeaseKeeper }>;
  /** Opens the store to move it from there, or to there: also one that is not to be used. A target makes tables, with a key. */
  openToMove(side: 'source' | 'target'): Promise<Movable>;
  /** All workers, oldest first. */
  workers(): Promise<WorkerView[]>;
  /** The worker that has an account; null: none, or one that has expired. */
  workerOf(account: string): Promise<Pick<WorkerView, 'host' | 'pid' | 'purpose'> | null>;
  /** What `doctor` tells of it. */
  inspect(clock: WallClock): Promise<ServerReport>;
  close(): Promise<void>;
}

/** The clock of this machine, as it is set. */
type WallClock = Pick<SteadyClock, 'wall' | 'monotonic'>;

/** What a server says of itself. */
export interface ServerReport {
  version: string;
  /** `null`: the connection is not encrypted. */
  tls: string | null;
  isSocket: boolean;
  isSealed: boolean;
  /** What gives a right that is missing; null: none is. */
  grant: string | null;
  connections: number;
  maxConnections: number;
  standbys: number;
  isDurable: boolean;
  /** How far the server's clock is ahead of this machine's. */
  offMs: number;
  /** How long it took to ask: one way there and back. */
  tookMs: number;
}

/**
 * Opens the server behind a URL; its schema stays as it is. Throws WxError: `usage` for a URL that is none, `network`,
 * `not-logged-in`, `config` for keys that are none, or a schema of a newer version.
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
    const first = createServerSteps({ address, clock, wait: null });
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
    logins: createServerLogins(existing, migrated, sealing),
    async open(wait = null) {
      if (wait !== null) return openServerStore({ address, clock, claimant, wait });
      const shared = await migrated();
      await shared.read(() => restoreServerTime(clock));
      // Its connections last longer than the store: logins and leases go over them.
      return createStore(unclosed(shared), {
        clock,
        claimant,
        blobs: createServerBlobs(shared, clock),
        news: createNews(shared),
      });
    },
    async work({ wait, ...options }) {
      await migrated();
      let lookForNews = (): void => {};
      const hints = createHints({ address, clock, report() {} });
      const wakingHints: LeaseHints = {
        ...hints,
        listen: (channel, onHint) =>
          hints.listen(channel, () => {
            onHint();
            lookForNews();
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
      const own = { claimant: keeper.claimant, fence: keeper.fence, onNewHistory: keeper.distrust };
      const onOpen = (look: () => void): void => {
        lookForNews = look;
      };
      try {
        const store = await openServerStore({ address, clock, ...own, wait, onOpen });
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
        logins: createServerLogins(newest, newest, { ...sealing, canSeal: false }),
        files: createMovableBlobs(steps, clock),
        loginsAt: claimant.id,
        served: () => servedOnServer(claimant, clock.now()),
      };
    },
    workers: async () => (await existing())?.read(workerViews) ?? [],
    workerOf: async (account) => (await existing())?.read(() => workerOf(account)) ?? null,
    inspect: (wall) => inspect(runner, { address, clock: wall, isSealed: sealing.isEncrypting }),
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

/** The logins in the database. `existing` is null while there are no tables, which only a login makes. */
function createServerLogins(
  existing: () => Promise<StepRunner | null>,
  migrated: () => Promise<StepRunner>,
  sealing: Sealing,
): Logins {
  let known: { mark: string; list: AccountList } | null = null;

  async function change<T>(step: () => Step<T>): Promise<T> {
    return (await migrated()).run(NO_ACCOUNT, step);
  }

  return {
    async list() {
      const runner = await existing();
      if (!runner) return { accounts: [], defaultAccount: null };
      const mark = await runner.read(credentialsMark);
      if (mark === known?.mark) return known.list;
      const { outdated, ...list } = await runner.read(() => credentials(sealing));
      known = { mark, list };
      if (outdated.length > 0 && sealing.canSeal) await change(() => sealAgain(outdated, sealing));
      return list;
    },
    async prepare() {
      sealing.check();
      await migrated();
    },
    saveLogin: (login) => change(() => putLogin(login, sealing)),
    remove: (key) => change(() => removeLogin(key)),
    use: (key) => change(() => useLogin(key)),
    replace: (list) => change(() => replaceLogins(list, sealing)),
  };
}

const REPORT = `SELECT current_setting('server_version') AS version, current_setting('max_connections') AS most,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
    (SELECT count(*) FROM pg_stat_replication) AS standbys,
    CASE WHEN current_setting('fsync') = 'on' THEN 1 ELSE 0 END AS durable,
    CASE WHEN has_database_privilege(current_database(), 'CREATE') THEN 1 ELSE 0 END AS may_create_schema,
    (SELECT CASE WHEN has_schema_privilege(oid, 'CREATE') THEN 1 ELSE 0 END FROM pg_namespace WHERE nspname = ?)
      AS may_create_table,
    (SELECT version || ', ' || cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl) AS tls,
    CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS time_ms`;

/** Tables need a right on the schema; where it is still to be made, it needs one on the database. */
function grantOf(row: Row, { with: { database, schema, user } }: ServerAddress): string | null {
  if (row.may_create_table === null)
    return row.may_create_schema === 1 ? null : `GRANT CREATE ON DATABASE "${database}" TO "${user}"`;
  return row.may_create_table === 1 ? null : `GRANT ALL ON SCHEMA "${schema}" TO "${user}"`;
}

async function inspect(
  runner: StepRunner,
  { address, clock, isSealed }: { address: ServerAddress; clock: WallClock; isSealed: boolean },
): Promise<ServerReport> {
  let beganAt = clock.wall();
  const from = clock.monotonic();
  const row = await runner.read(function* () {
    beganAt = clock.wall();
    return yield* one(REPORT, address.schema);
  });
  if (!row) throw new Error('a SELECT without FROM has a row');
  return {
    version: row.version as string,
    tls: row.tls as string | null,
    isSocket: address.places.every(isSocket),
    isSealed,
    grant: grantOf(row, address),
    connections: row.connections as number,
    maxConnections: Number(row.most),
    standbys: row.standbys as number,
    isDurable: row.durable === 1,
    offMs: (row.time_ms as number) - (beganAt + clock.wall()) / 2,
    tookMs: clock.monotonic() - from,
  };
}
