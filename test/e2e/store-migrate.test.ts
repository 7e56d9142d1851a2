import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Row, SqlValue } from '../../src/sql/statement.ts';
import { type Database, openDatabase } from '../../src/sqlite/database.ts';
import { MOVED_TABLES, type MovedTable } from '../../src/store/moving/tables.ts';
import { runHere } from '../helpers/in-this-process.ts';
import { administer, SERVER, uniqueName, withParts } from '../helpers/postgres.ts';
import { answered, loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines, makeFolder, startWxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];
const KEY = randomBytes(32).toString('base64');
const ROWS = 700;

/** What databases have made something else of: each is to come back as it was. */
const TEXTS = ['', 'plain', "it's", 'a\\b\\x41\\000', '中文 émoji 👩‍👩‍👧', ' blank ', '\r\n\t', '{"a":[1]}', 'TRUE', '\u{10FFFF}', '2026-01-01'];
const BLOBS = [[], [0], [0, 255, 0, 92, 120], [0xef, 0xbb, 0xbf], [0x5c, 0x78, 0x34, 0x31], [0xc3, 0x28]];
const NUMBERS = [0, 1, -1, 2 ** 31, 2 ** 53 - 1, 1_700_000_000_123];

const databaseOf = (home: string): string => join(home, 'wx', 'state', 'wxagent.db');

/** Fills a table with rows of every kind. */
function fill(database: Database, table: MovedTable, count: number): void {
  const nullable = new Set(
    database.all(`PRAGMA table_info(${table.name})`).filter((row) => row.notnull === 0 && row.pk === 0).map((row) => row.name),
  );
  const names = table.columns.map(({ name }) => name);
  const insertion = `INSERT INTO ${table.name} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`;
  const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] as T;
  database.exec('BEGIN');
  for (let n = 0; n < count; n++) {
    const values = table.columns.map(({ name, type }, at): SqlValue => {
      if (name === 'seq') return 10 + 3 * n;
      if (table.key.includes(name) || name === 'id') return type === 'number' ? n : type === 'blob' ? Buffer.from([n >> 8, n & 255]) : `${pick(TEXTS, n)}${n}`;
      if (name === 'state') return pick(['done', 'failed', 'waiting'], n);
      if (nullable.has(name) && (n + at) % 3 === 0) return null;
      if (type === 'number') return pick(NUMBERS, n + at);
      return type === 'text' ? pick(TEXTS, n + at) : Buffer.from(pick(BLOBS, n + at));
    });
    database.run(insertion, ...values);
  }
  database.exec('COMMIT');
}

/** All that moves, by the words of SQLite itself. */
function contentOf(home: string): Record<string, Row[]> {
  const database = openDatabase(databaseOf(home));
  try {
    const rows = MOVED_TABLES.map(({ name, key }) => [name, database.all(`SELECT * FROM ${name} ORDER BY ${key.join(', ')}`)] as const);
    return { ...Object.fromEntries(rows), numbers: database.all('SELECT * FROM sqlite_sequence ORDER BY name') };
  } finally {
    database.close();
  }
}

describe.skipIf(SERVER === null)('a store that moves', () => {
  let schema: string;
  let url: string;
  const env = { WXAGENT_STORE_KEY: KEY };
  beforeEach(() => {
    schema = uniqueName();
    url = withParts(SERVER as string, { schema });
  });
  afterEach(() => administer(SERVER as string, `DROP SCHEMA IF EXISTS ${schema} CASCADE`));

  const sums = (stdout: string) => Object.fromEntries(jsonLines(stdout).map(({ table, rows, digest }) => [table, `${rows} ${digest}`]));

  test('to a server and to a second home: equal, and what waited is answered there', async () => {
    const simulator = await simulate();
    const [home, other] = [makeFolder(), makeFolder()];
    loggedIn(simulator, { home, name: 'eins' });
    loggedIn(simulator, { home, user: 'second@im.wechat' });
    simulator.control.message({ text: 'waits 等待' });
    // It looks once, so the message is there, and nobody has answered it.
    expect((await runHere(['send', 'hello', '--account', 'eins'], { home })).code).toBe(0);
    const database = openDatabase(databaseOf(home));
    for (const table of MOVED_TABLES) {
      if (table.name !== 'server_time') fill(database, table, ROWS);
    }
    database.close();
    const before = contentOf(home);
    const config = readFileSync(join(home, 'wx', 'config.json'), 'utf8');

    const there = await runHere(['store', 'migrate', '--to', url, '--json'], { home, env });
    expect([there.code, there.stderr]).toEqual([0, expect.stringContaining('is not served any more')]);
    expect(contentOf(home)).toEqual(before);
    expect(readFileSync(join(home, 'wx', 'config.json'), 'utf8')).toBe(config);
    expect(sums(there.stdout)).toMatchObject({ inbox: expect.stringMatching(new RegExp(`^${ROWS + 1} [0-9a-f]{64}$`)) });
    const run = await runHere(['run', '--echo', '--once'], { home });
    expect([run.code, run.stderr]).toEqual([78, expect.stringMatching(/has moved to postgres:.*\nhint: .*migrate --from postgres:/)]);

    const back = await runHere(['store', 'migrate', '--from', url, '--to', join(other, 'wx')], { home: other, env });
    expect([back.code, back.stderr]).toEqual([0, expect.stringContaining('is not served any more')]);
    expect(contentOf(other)).toEqual(before);
    expect(statSync(join(other, 'wx', 'config.json')).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(join(other, 'wx', 'config.json'), 'utf8')).accounts).toEqual(JSON.parse(config).accounts);
    const gone = await runHere(['run', '--echo', '--once', '--store', url], { home, env });
    expect([gone.code, gone.stderr]).toEqual([78, expect.stringContaining(`has moved to ${join(other, 'wx')}`)]);

    const answering = ['run', '--echo', '--once', '--account', 'eins', ...QUICK];
    expect((await runHere(answering, { home: other })).code).toBe(0);
    expect(await answered(simulator, 2)).toEqual(['hello', 'waits 等待']);
  });
});
