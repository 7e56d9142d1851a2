import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../../src/core/time/clock.ts';
import { parseServerUrl } from '../../../../src/postgres/server-address.ts';
import { createServerSteps } from '../../../../src/postgres/server-steps.ts';
import { openDatabase } from '../../../../src/sqlite/database.ts';
import { migrateServer } from '../../../../src/store/schema/migrate-postgres.ts';
import { migrate } from '../../../../src/store/schema/migrate-sqlite.ts';
import { MOVED_TABLES, SERVING_TABLES } from '../../../../src/store/transfer/moved-tables.ts';
import { administer, SERVER, uniqueName, withParts } from '../../../helpers/postgres.ts';

/** What a move leaves out, beside who serves just now: its own note, the log of events, logins, which go as such, and files to be sent. */
const OTHERS = {
  sqlite: ['moves', 'events', 'event_log'],
  postgres: ['moves', 'events', 'credentials', 'schema_version', 'blobs', 'blob_chunks'],
};
const TYPES: Record<string, string> = {
  ...{ TEXT: 'text', INTEGER: 'number', BLOB: 'blob' },
  ...{ text: 'text', bigint: 'number', bytea: 'blob' },
};

const moved = (): string[] =>
  MOVED_TABLES.flatMap(({ name, columns }) =>
    columns.map((column) => `${name}.${column.name} ${column.type}`),
  ).sort();

test('no table and no column of SQLite is forgotten', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wxagent-moved-'));
  const database = openDatabase(join(folder, 'x.db'));
  migrate(database, 'x.db');
  const left: string[] = [...OTHERS.sqlite, ...SERVING_TABLES.sqlite];
  const tables = database
    .all(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'`)
    .map(({ name }) => name as string);
  const found = tables
    .filter((name) => !left.includes(name))
    .flatMap((name) =>
      database
        .all(`PRAGMA table_info(${name})`)
        .map((row) => `${name}.${row.name} ${TYPES[row.type as string]}`),
    );
  expect(found.sort()).toEqual(moved());
  database.close();
  rmSync(folder, { recursive: true });
});

test.skipIf(SERVER === null)('no table and no column of PostgreSQL is forgotten', async () => {
  const schema = uniqueName();
  const address = parseServerUrl(withParts(SERVER as string, { schema }));
  const steps = createServerSteps({ address, clock: systemClock, wait: null });
  await steps.run('', () => migrateServer(address));
  await steps.close();
  const left: string[] = [...OTHERS.postgres, ...SERVING_TABLES.postgres];
  const rows = await administer(
    SERVER as string,
    `SELECT table_name AS t, column_name AS c, data_type AS type FROM information_schema.columns WHERE table_schema = '${schema}'`,
  );
  await administer(SERVER as string, `DROP SCHEMA ${schema} CASCADE`);
  const found = rows.filter(({ t }) => !left.includes(t as string));
  expect(found.map(({ t, c, type }) => `${t}.${c} ${TYPES[type as string]}`).sort()).toEqual(moved());
});
