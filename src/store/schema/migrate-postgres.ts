import { WxError } from '../../core/errors.ts';
import type { ServerAddress } from '../../postgres/server-address.ts';
import { one, run, type Step } from '../../sql/statement.ts';
import { newerSchema } from './migrate-sqlite.ts';
import { POSTGRES_MIGRATIONS } from './postgres-schema.ts';

/** Brings a schema to the newest version, or makes it; one process at a time. Throws WxError `config` for a newer one. */
export function* migrateServer(address: ServerAddress): Step<void> {
  const version = yield* versionOf(address);
  if (version === POSTGRES_MIGRATIONS.length) return;
  // Even IF NOT EXISTS needs the right to create, which the owner of a schema may lack.
  if (version === null) yield* run(`CREATE SCHEMA "${address.schema}"`);
  // Nothing may be made where else a transaction looks for tables: among the temporary ones.
  yield* run(`SET LOCAL search_path TO "${address.schema}"`);
  if (!version) yield* run('CREATE TABLE schema_version (version BIGINT NOT NULL)');
  if (!version) yield* run('INSERT INTO schema_version (version) VALUES (0)');
  for (const statement of POSTGRES_MIGRATIONS.slice(version ?? 0).flat()) yield* run(statement);
  yield* run('UPDATE schema_version SET version = ?', POSTGRES_MIGRATIONS.length);
}

/** Whether a schema has the newest version. */
export function* isNewest(address: ServerAddress): Step<boolean> {
  return (yield* versionOf(address)) === POSTGRES_MIGRATIONS.length;
}

/** The version of a schema; 0: it is empty; null: there is none. */
export function* versionOf(address: ServerAddress): Step<number | null> {
  // Not to_regclass: in a transaction that has waited for a lock, it may still not know what others made meanwhile.
  const found = yield* one(
    `SELECT CASE WHEN has_schema_privilege(pg_namespace.oid, 'USAGE') THEN 1 ELSE 0 END AS may_use,
         CASE WHEN pg_class.oid IS NULL THEN 0 ELSE 1 END AS has_version
       FROM pg_namespace LEFT JOIN pg_class ON relnamespace = pg_namespace.oid AND relname = 'schema_version'
       WHERE nspname = ?`,
    address.schema,
  );
  if (!found) return null;
  if (found.may_use === 0) {
    throw new WxError(
      'not-logged-in',
      `${address.with.user} may not use the schema ${address.schema} of ${address}`,
      { hint: `GRANT ALL ON SCHEMA "${address.schema}" TO "${address.with.user}"` },
    );
  }
  if (found.has_version === 0) return 0;
  const row = yield* one('SELECT version FROM schema_version');
  const version = Number(row?.version ?? 0);
  if (version > POSTGRES_MIGRATIONS.length) throw newerSchema(String(address), version);
  return version;
}
