/** The database server of a measurement: a real PostgreSQL that waits for its disk, and counts what it is asked. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { childrenOf, processorSeconds } from './processes.mjs';
import { createHome, timeOfWxagent } from './sides.mjs';

const PROGRAM = fileURLToPath(new URL('../../test/fixtures/postgres-server.mjs', import.meta.url));
const SETTINGS = [
  ...['fsync=on', 'max_connections=400', 'shared_buffers=512MB', 'max_wal_size=4GB'],
  ...['shared_preload_libraries=pg_stat_statements', 'pg_stat_statements.max=2000'],
];
/** What opens and ends a transaction, beside the statements of its step. */
const FRAME = '^(BEGIN|COMMIT|ROLLBACK|SET )';

/** Starts it, on a socket. */
export async function startServer() {
  const child = spawn(process.execPath, [PROGRAM, ...SETTINGS], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const { error, port, socketFolder, user, password } = JSON.parse(line);
  if (error !== undefined) throw new Error(error);
  const login = { user, password, port, host: socketFolder ?? '127.0.0.1', database: 'postgres' };
  const client = new pg.Client(login);
  await client.connect();
  await client.query('CREATE EXTENSION pg_stat_statements');
  const [{ version }] = await rows(`SELECT current_setting('server_version') AS version`);
  const [postmaster] = childrenOf(child.pid);

  async function rows(sql, ...values) {
    return (await client.query(sql, values)).rows;
  }

  return {
    version,
    rows,
    /** A store of its own, which has the logins of these bots: brought there as by whoever outgrows a home. */
    async createStore(folder, name, bots) {
      const place = `host=${encodeURIComponent(login.host)}&port=${port}&schema=${name}`;
      const url = `postgres://${user}:${encodeURIComponent(password)}@/postgres?${place}`;
      const env = { WXAGENT_STORE_KEY: randomBytes(32).toString('base64') };
      const home = createHome(folder, `${name}-before`, null, bots);
      const movedMs = await timeOfWxagent(home, ['store', 'migrate', '--to', url], [0], env);
      return { schema: name, movedMs, env: { ...env, WXAGENT_STORE: url } };
    },
    /** What it has done so far. `calls`: statements, without those that open and end transactions. */
    async counters() {
      const [counted] = await rows(
        `SELECT sum(calls) FILTER (WHERE query !~ $1)::float8 AS calls,
           sum(calls) FILTER (WHERE query = 'COMMIT')::float8 AS commits,
           sum(total_exec_time) FILTER (WHERE query = 'COMMIT') AS commit_ms FROM pg_stat_statements`,
        FRAME,
      );
      const atMs = performance.now();
      return { ...counted, atMs, processorSeconds: processorSeconds(postmaster, ...childrenOf(postmaster)) };
    },
    /** The statements that took most of its time, for whoever looks for the reason of a figure. */
    costliest: () =>
      rows(
        `SELECT calls::float8, round(total_exec_time) AS ms, left(regexp_replace(query, '\\s+', ' ', 'g'), 160) AS query
           FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 12`,
      ),
    forget: () => rows('SELECT pg_stat_statements_reset()'),
    async stop() {
      await client.end();
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}
