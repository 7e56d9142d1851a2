import type { SteadyClock } from '../core/time/steady-clock.ts';
import { LIMITS, openConnection } from '../postgres/connection.ts';
import { createQueryTexts } from '../postgres/query-text.ts';
import { isSocket, type ServerAddress } from '../postgres/server-address.ts';
import { one, type Row } from '../sql/statement.ts';
import type { StepRunner } from '../sql/step-runner.ts';

/** The clock of this machine, as it is set. */
export type WallClock = Pick<SteadyClock, 'wall' | 'monotonic'>;

/** The servers that follow one. */
export interface Standbys {
  count: number;
  /** What gives the right to see how far they are behind; null: it is there. */
  grant: string | null;
  /** The longest of their lags. */
  lagMs: number;
  /** How many a commit waits for. */
  synchronous: number;
}

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
  /** Null: the server does not tell. */
  standbys: Standbys | null;
  isDurable: boolean;
  /** How far the server's clock is ahead of this machine's. */
  offMs: number;
  /** How long it took to ask: one way there and back. */
  tookMs: number;
}

/** What connections others have, `pg_stat_activity` tells only who may see them; their number is told to all. */
const REPORT = `SELECT current_setting('server_version') AS version, current_setting('max_connections') AS most,
    (SELECT COALESCE(sum(numbackends), 0) FROM pg_stat_database) AS connections,
    CASE WHEN current_setting('fsync') = 'on' THEN 1 ELSE 0 END AS durable,
    CASE WHEN has_database_privilege(current_database(), 'CREATE') THEN 1 ELSE 0 END AS may_create_schema,
    (SELECT CASE WHEN has_schema_privilege(oid, 'CREATE') THEN 1 ELSE 0 END FROM pg_namespace WHERE nspname = ?)
      AS may_create_table,
    CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS time_ms`;

/** A copy that is being made is no standby. Who may not see more gets rows that are empty. */
const STANDBYS = `SELECT count(*) AS count, count(sync_state) AS known,
    CAST(COALESCE(EXTRACT(EPOCH FROM max(replay_lag)) * 1000, 0) AS BIGINT) AS lag_ms,
    count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')) AS synchronous
  FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup'`;

/** On a connection of its own: those of the steps are theirs. */
async function cipherOf(address: ServerAddress): Promise<string | null> {
  const textFor = createQueryTexts({ schema: address.schema, isPrepared: false });
  const connection = await openConnection({ address, limits: LIMITS, textFor });
  await connection.close();
  return connection.cipher;
}

async function standbysOf(runner: StepRunner, { with: { user } }: ServerAddress): Promise<Standbys | null> {
  try {
    const row = await runner.read(function* () {
      return yield* one(STANDBYS);
    });
    const { count, known, lag_ms, synchronous } = row as Record<
      'count' | 'known' | 'lag_ms' | 'synchronous',
      number
    >;
    const grant = known < count ? `GRANT pg_read_all_stats TO "${user}"` : null;
    return { count, grant, lagMs: lag_ms, synchronous };
  } catch {
    // Some hosts of databases keep that to themselves.
    return null;
  }
}

/** Tables need a right on the schema; where it is still to be made, it needs one on the database. */
function grantOf(row: Row, { with: { database, schema, user } }: ServerAddress): string | null {
  if (row.may_create_table === null)
    return row.may_create_schema === 1 ? null : `GRANT CREATE ON DATABASE "${database}" TO "${user}"`;
  return row.may_create_table === 1 ? null : `GRANT ALL ON SCHEMA "${schema}" TO "${user}"`;
}

/** Asks a server about itself. */
export async function inspectServer(
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
  const offMs = (row.time_ms as number) - (beganAt + clock.wall()) / 2;
  const tookMs = clock.monotonic() - from;
  return {
    version: row.version as string,
    tls: await cipherOf(address),
    isSocket: address.places.every(isSocket),
    isSealed,
    grant: grantOf(row, address),
    connections: row.connections as number,
    maxConnections: Number(row.most),
    standbys: await standbysOf(runner, address),
    isDurable: row.durable === 1,
    offMs,
    tookMs,
  };
}
