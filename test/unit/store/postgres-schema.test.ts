import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/time/clock.ts';
import { parseServerUrl } from '../../../src/postgres/server-address.ts';
import { createServerSteps } from '../../../src/postgres/server-steps.ts';
import type { StepRunner } from '../../../src/sql/step-runner.ts';
import { openDatabase } from '../../../src/sqlite/database.ts';
import { migrateServer } from '../../../src/store/schema/migrate-postgres.ts';
import { migrate } from '../../../src/store/schema/migrate-sqlite.ts';
import { administer, SERVER, uniqueName, withParts } from '../../helpers/postgres.ts';

describe.skipIf(SERVER === null)('the schema of a server', () => {
  const server = SERVER as string;
  let schema: string;
  const opened: StepRunner[] = [];

  function migrateAs(parts: Record<string, string> = {}): Promise<void> {
    const address = parseServerUrl(withParts(server, { schema, ...parts }));
    const steps = createServerSteps({ address, clock: systemClock, wait: null });
    opened.push(steps);
    return steps.run('', () => migrateServer(address));
  }

  beforeEach(() => {
    schema = uniqueName();
  });

  afterEach(async () => {
    for (const steps of opened.splice(0)) await steps.close();
    await administer(server, `DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  });

  it('has the tables, columns and indexes of SQLite', async () => {
    await migrateAs();
    const rows = await administer(
      server,
      `SELECT table_name AS t, column_name AS c, data_type AS type, CASE is_nullable WHEN 'NO' THEN 1 ELSE 0 END AS needed
         FROM information_schema.columns WHERE table_schema = '${schema}' AND table_name NOT IN ('schema_version', 'credentials', 'workers', 'leases', 'account_news', 'blobs', 'blob_chunks')`,
    );
    const indexes = await administer(
      server,
      `SELECT indexname AS name FROM pg_indexes WHERE schemaname = '${schema}'`,
    );
    const folder = mkdtempSync(join(tmpdir(), 'wxagent-schema-'));
    const database = openDatabase(join(folder, 'x.db'));
    migrate(database, 'x.db');
    const types: Record<string, string> = { TEXT: 'text', INTEGER: 'bigint', BLOB: 'bytea' };
    // A server always writes the log of events.
    const tables = database
      .all(
        `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'event_log'`,
      )
      .map((row) => row.name as string);
    const wanted = tables.flatMap((t) =>
      database.all(`PRAGMA table_info(${t})`).map((column) => ({
        t,
        c: column.name,
        type: types[column.type as string],
        needed: column.notnull === 1 || column.pk !== 0 ? 1 : 0,
      })),
    );
    const sort = (list: Record<string, unknown>[]): string[] => list.map((one) => JSON.stringify(one)).sort();
    expect(sort(rows)).toEqual(sort(wanted));
    const names = database
      .all(`SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL`)
      .map((row) => row.name as string);
    const own = indexes.map((row) => row.name as string).filter((name) => !/_(pkey|key)$/.test(name));
    expect(own.sort()).toEqual([...names, 'inbox_running', 'leases_worker'].sort());
    database.close();
    rmSync(folder, { recursive: true });
  });

  it('is made once, however many begin at the same time', async () => {
    await Promise.all(Array.from({ length: 6 }, () => migrateAs()));
    expect(await administer(server, `SELECT version FROM ${schema}.schema_version`)).toHaveLength(1);
  });

  it('is refused when a newer wxagent has written it', async () => {
    await migrateAs();
    await administer(server, `UPDATE ${schema}.schema_version SET version = 99`);
    await expect(migrateAs()).rejects.toMatchObject({
      exit: 78,
      message: `the database ${parseServerUrl(withParts(server, { schema }))} was written by a newer wxagent (schema 99)`,
    });
  });

  it('needs the right to create it, or a schema that was made before', async () => {
    const user = uniqueName();
    await administer(server, `CREATE ROLE ${user} LOGIN PASSWORD 'x'`);
    const [row] = await administer(server, 'SELECT current_database() AS name');
    try {
      await expect(migrateAs({ user, password: 'x' })).rejects.toMatchObject({
        exit: 77,
        message: expect.stringContaining(`${user} lacks a right at postgres://${user}@`),
        hint: `GRANT CREATE ON DATABASE "${row?.name}" TO "${user}"`,
      });
      await administer(server, `CREATE SCHEMA ${schema}`);
      await expect(migrateAs({ user, password: 'x' })).rejects.toMatchObject({
        exit: 77,
        hint: `GRANT ALL ON SCHEMA "${schema}" TO "${user}"`,
      });
      await administer(server, `GRANT USAGE ON SCHEMA ${schema} TO ${user}`);
      await expect(migrateAs({ user, password: 'x' })).rejects.toMatchObject({
        exit: 77,
        message: expect.stringContaining('permission denied for schema'),
      });
      await administer(server, `GRANT ALL ON SCHEMA ${schema} TO ${user}`);
      await migrateAs({ user, password: 'x' });
      expect(await administer(server, `SELECT version FROM ${schema}.schema_version`)).toHaveLength(1);
    } finally {
      await administer(server, `DROP SCHEMA IF EXISTS ${schema} CASCADE`, `DROP ROLE ${user}`);
    }
  });

  it('notes events beside what they tell of, also under another name', async () => {
    await migrateAs();
    const old = schema;
    schema = uniqueName();
    await administer(server, `ALTER SCHEMA ${old} RENAME TO ${schema}`);
    const audit = (where: string): string =>
      `INSERT INTO ${where}.audit (at, who, act, about) VALUES (0, 'me', 'in ${where}', '')`;
    const found = async (where: string): Promise<unknown[]> =>
      (await administer(server, `SELECT state FROM ${where}.events`)).map(({ state }) => state);
    await administer(server, audit(schema));
    expect(await found(schema)).toEqual([`in ${schema}`]);
    // Another store under the name it had.
    const renamed = schema;
    schema = old;
    await migrateAs();
    await administer(server, `SET search_path TO ${old}; ${audit(renamed)}; ${audit('').replace('.', '')}`);
    expect(await found(renamed)).toHaveLength(2);
    expect(await found(old)).toEqual(['in ']);
    await administer(server, `DROP SCHEMA ${renamed} CASCADE`);
  });

  it('lets a user have one turn at a time, of several messages', async () => {
    await migrateAs();
    const message = (id: string, burst: number | null, user = 'u') =>
      `INSERT INTO ${schema}.inbox (seq, account, id, "user", state, kind, fingerprint, received_at, raw, burst)
         VALUES (${id}, 'a', '${id}', '${user}', 'running', 'text', '', 0, '', ${burst})`;
    await administer(server, message('1', 1), message('2', 1), message('3', null, 'v'));
    await expect(administer(server, message('4', null))).rejects.toThrow('inbox_running');
    await expect(administer(server, message('5', 5))).rejects.toThrow('inbox_running');
    await administer(server, `UPDATE ${schema}.inbox SET state = 'done' WHERE seq = 1`, message('6', null));
  });
});
