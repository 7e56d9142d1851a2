import type { Client } from 'pg';
import { systemClock } from '../../../src/core/time/clock.ts';
import { parseServerUrl } from '../../../src/postgres/server-address.ts';
import type { Store } from '../../../src/store/port/port.ts';
import { openPostgresStore } from '../../../src/store/postgres-store.ts';
import { connectTo, SERVER, uniqueName, withParts } from '../../helpers/postgres.ts';
import type { MakeStore } from './conformance/desk.ts';

/**
 * Stores of one test file, in a schema of its own: `make` gives an empty one, `drop` ends it. They reach the server by the
 * port of a proxy if there is one just then.
 */
export function postgresStores(proxy: () => number | null = () => null): {
  make: MakeStore;
  drop(): Promise<void>;
  schema: string;
} {
  const server = SERVER as string;
  const schema = uniqueName();
  let administrator: Promise<Client> | null = null;
  let emptying: string | null = null;

  async function administer(sql: string): Promise<Record<string, unknown>[]> {
    administrator ??= connectTo(server);
    return (await (await administrator).query(sql)).rows;
  }

  /** What empties all tables. TRUNCATE would make new files, and take ten times as long. */
  async function emptyingOf(): Promise<string> {
    const rows = await administer(
      `SELECT tablename AS name, pg_get_serial_sequence('${schema}.' || tablename, column_name) AS sequence
         FROM pg_tables LEFT JOIN information_schema.columns
           ON table_schema = schemaname AND table_name = tablename AND is_identity = 'YES'
         WHERE schemaname = '${schema}' AND tablename <> 'schema_version'`,
    );
    return rows
      .map(({ name, sequence }) =>
        sequence === null
          ? `DELETE FROM ${schema}.${name}`
          : `DELETE FROM ${schema}.${name}; ALTER SEQUENCE ${sequence} RESTART`,
      )
      .join('; ');
  }

  return {
    schema,
    async make() {
      const dead = new Set<string>();
      const stores: Store[] = [];
      return {
        async open(process) {
          const claimant = { id: process, isAlive: (holder: string) => !dead.has(holder) };
          const port = proxy();
          const way = port === null ? {} : { host: '127.0.0.1', port };
          const address = parseServerUrl(withParts(server, { schema, ...way }));
          const store = await openPostgresStore({ address, clock: systemClock, claimant, wait: null });
          stores.push(store);
          return store;
        },
        kill: (process) => void dead.add(process),
        async dispose() {
          for (const store of stores.splice(0)) await store.close();
          emptying ??= await emptyingOf();
          await administer(emptying);
        },
      };
    },
    async drop() {
      await administer(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
      await (await administrator)?.end();
    },
  };
}
