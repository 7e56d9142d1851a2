import { expect, test } from 'vitest';
import type { Row } from '../../../src/sql/statement.ts';
import type { Database } from '../../../src/sqlite/database.ts';
import { migrate } from '../../../src/store/schema/migrate-sqlite.ts';

test('a migration that fails throws its own error, although SQLite has rolled it back by then', () => {
  const ran: string[] = [];
  const database: Database = {
    one: (sql): Row => (sql === 'PRAGMA busy_timeout' ? { timeout: 50 } : { user_version: 0 }),
    all: () => [],
    run: () => 0,
    answer: () => 0,
    exec(sql) {
      ran.push(sql);
      if (sql.includes('CREATE TABLE accounts')) throw new Error('database or disk is full');
      if (sql === 'ROLLBACK') throw new Error('cannot rollback - no transaction is active');
    },
    sync: async () => {},
    syncBlocking() {},
    close() {},
  };
  expect(() => migrate(database, 'wxagent.db')).toThrow('database or disk is full');
  expect(ran.at(-1)).toBe('PRAGMA busy_timeout=50');
});
