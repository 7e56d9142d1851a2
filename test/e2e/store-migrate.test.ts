import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { SqlValue } from '../../src/sql/statement.ts';
import { type Database, openDatabase } from '../../src/sqlite/database.ts';
import { MOVED_TABLES, type MovedTable } from '../../src/store/transfer/moved-tables.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { LIMIT_MS } from '../helpers/poll-until.ts';
import { administer, SERVER, uniqueName, withParts } from '../helpers/postgres.ts';
import { answered, loggedIn, simulate } from '../helpers/simulated.ts';
import { type Exited, jsonLines, makeFolder, startWxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];
const KEY = randomBytes(32).toString('base64');
const ROWS = 320;

/** What databases have made something else of: each is to come back as it was. */
const TEXTS = [
  '',
  'plain',
  "it's",
  'a\\b\\x41\\000',
  '中文 émoji 👩‍👩‍👧',
  ' blank ',
  '\r\n\t',
  '{"a":[1]}',
  'TRUE',
  '\u{10FFFF}',
  '2026-01-01',
];
const BLOBS = [[], [0], [0, 255, 0, 92, 120], [0xef, 0xbb, 0xbf], [0x5c, 0x78, 0x34, 0x31], [0xc3, 0x28]];
const NUMBERS = [0, 1, -1, 2 ** 31, 2 ** 53 - 1, 1_700_000_000_123];

const databaseOf = (home: string): string => join(home, 'wx', 'state', 'wxagent.db');

/** Fills a table with rows of every kind. */
function fill(database: Database, table: MovedTable, count: number): void {
  const nullable = new Set(
    database
      .all(`PRAGMA table_info(${table.name})`)
      .filter((row) => row.notnull === 0 && row.pk === 0)
      .map((row) => row.name),
  );
  const names = table.columns.map(({ name }) => name);
  const insertion = `INSERT INTO ${table.name} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`;
  const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] as T;
  database.exec('BEGIN');
  for (let n = 0; n < count; n++) {
    const values = table.columns.map(({ name, type }, at): SqlValue => {
      if (name === 'seq') return 10 + 3 * n;
      if (table.key.includes(name) || ['id', 'name', 'digest'].includes(name))
        return type === 'number'
          ? n
          : type === 'blob'
            ? Buffer.from([n >> 8, n & 255])
            : `${pick(TEXTS, n)}${n}`;
      if (name === 'state') return pick(['done', 'failed', 'waiting'], n);
      if (nullable.has(name) && (n + at) % 3 === 0) return null;
      if (name === 'file') return null;
      if (type === 'number') return pick(NUMBERS, n + at);
      return type === 'text' ? pick(TEXTS, n + at) : Buffer.from(pick(BLOBS, n + at));
    });
    database.run(insertion, ...values);
  }
  database.exec('COMMIT');
}

/** All that moves, by the words of SQLite itself. */
function contentOf(home: string): Record<string, unknown[]> {
  const database = openDatabase(databaseOf(home));
  try {
    const rows = MOVED_TABLES.map(
      ({ name, key }) => [name, database.all(`SELECT * FROM ${name} ORDER BY ${key.join(', ')}`)] as const,
    );
    const parts = database.all('SELECT * FROM parts ORDER BY seq');
    return {
      ...Object.fromEntries(rows),
      parts: parts.map((row) => ({ ...row, file: row.file && String(row.file).replace(home, '') })),
      files: parts.flatMap(({ file }) => (file ? [readFileSync(JSON.parse(String(file)).path)] : [])),
      numbers: database.all('SELECT * FROM sqlite_sequence WHERE seq > 0 ORDER BY name'),
    };
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

  const sums = (stdout: string) =>
    Object.fromEntries(jsonLines(stdout).map(({ table, rows, digest }) => [table, `${rows} ${digest}`]));

  test('to a server and to a second home: equal, and what waited is answered there', async () => {
    const simulator = await simulate();
    const [home, other] = [makeFolder(), makeFolder()];
    loggedIn(simulator, { home, name: 'eins' });
    loggedIn(simulator, { home, user: 'second@im.wechat' });
    simulator.control.message({ text: 'waits 等待' });
    // It looks once, so the message is there, and nobody has answered it.
    expect((await runHere(['send', 'hello', '--account', 'eins'], { home })).code).toBe(0);
    const bytes = randomBytes(700_000);
    writeFileSync(join(home, 'picture.bin'), bytes);
    const held = [
      'send',
      '--account',
      'eins',
      '--to',
      'friend@im.wechat',
      '--file',
      join(home, 'picture.bin'),
    ];
    expect((await runHere([...held, '--wait', '1s'], { home })).code).toBe(75);
    const database = openDatabase(databaseOf(home));
    for (const table of MOVED_TABLES) {
      if (table.name !== 'server_time') fill(database, table, ROWS);
    }
    database.close();
    const before = contentOf(home);
    expect(before.files).toEqual([bytes]);
    const config = readFileSync(join(home, 'wx', 'config.json'), 'utf8');

    const there = await runHere(['store', 'migrate', '--to', url, '--json'], { home, env });
    expect([there.code, there.stderr]).toEqual([0, expect.stringContaining('is not served any more')]);
    expect(contentOf(home)).toEqual(before);
    expect(readFileSync(join(home, 'wx', 'config.json'), 'utf8')).toBe(config);
    expect(sums(there.stdout)).toMatchObject({
      inbox: expect.stringMatching(new RegExp(`^${ROWS + 1} [0-9a-f]{64}$`)),
    });
    const run = await runHere(['run', '--echo', '--once'], { home });
    expect([run.code, run.stderr]).toEqual([
      78,
      expect.stringMatching(/has moved to postgres:.*\nhint: .*migrate --from postgres:/),
    ]);

    const back = await runHere(['store', 'migrate', '--from', url, '--to', join(other, 'wx')], {
      home: other,
      env,
    });
    expect([back.code, back.stderr]).toEqual([
      0,
      expect.stringContaining(`is not served any more.\nhint: wxagent run --home ${join(other, 'wx')}\n`),
    ]);
    expect(contentOf(other)).toEqual(before);
    expect(statSync(join(other, 'wx', 'config.json')).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(join(other, 'wx', 'config.json'), 'utf8')).accounts).toEqual(
      JSON.parse(config).accounts,
    );
    const gone = await runHere(['run', '--echo', '--once', '--store', url], { home, env });
    expect([gone.code, gone.stderr]).toEqual([
      78,
      expect.stringContaining(`has moved to ${join(other, 'wx')}`),
    ]);

    const answering = ['run', '--echo', '--once', '--account', 'eins', ...QUICK];
    expect((await runHere(answering, { home: other })).code).toBe(0);
    expect(await answered(simulator, 2)).toEqual(['hello', 'waits 等待']);
  });

  /** Waits until a move has copied messages. */
  async function copiedSome(to: string): Promise<void> {
    const endsAt = performance.now() + LIMIT_MS;
    while (performance.now() < endsAt) {
      const rows = await administer(SERVER as string, `SELECT seq FROM ${to}.inbox LIMIT 1`).catch(() => []);
      if (rows.length > 0) return;
    }
    throw new Error('no message was copied');
  }

  /** A home with an account, and rows. */
  async function filledHome(rows: number): Promise<string> {
    const simulator = await simulate();
    const { home } = loggedIn(simulator);
    expect((await runHere(['run', '--echo', '--once', ...QUICK], { home })).code).toBe(0);
    const database = openDatabase(databaseOf(home));
    for (const table of MOVED_TABLES)
      if (['inbox', 'parts'].includes(table.name)) fill(database, table, rows);
    database.close();
    return home;
  }
  const runs = (home: string, ...args: string[]) =>
    runHere(['run', '--echo', '--once', ...QUICK, ...args], { home, env });

  test('killed in the middle: neither side is served, and the same command goes on, also after a cancel', async () => {
    const home = await filledHome(3_000);
    const moving = startWxagent(['store', 'migrate', '--to', url], { home, env });
    await copiedSome(schema);
    process.kill(moving.pid, 'SIGKILL');
    await moving.exited.catch(() => {});

    const [here, there] = [await runs(home), await runs(home, '--store', url)];
    expect([here.code, here.stderr]).toEqual([78, expect.stringContaining('is being moved to postgres://')]);
    expect([there.code, there.stderr]).toEqual([78, expect.stringContaining('is not whole')]);
    const foreign = await runHere(['store', 'migrate', '--to', url], { home: await filledHome(1), env });
    expect([foreign.code, foreign.stderr]).toEqual([78, expect.stringContaining('is not whole')]);
    expect((await runHere(['store', 'migrate', '--cancel'], { home })).code).toBe(0);
    expect((await runs(home)).code).toBe(0);
    const database = openDatabase(databaseOf(home));
    database.exec(
      "UPDATE inbox SET reason = 'changed since' WHERE seq < 100; DELETE FROM parts WHERE seq > 3000",
    );
    database.close();
    expect(await runHere(['store', 'migrate', '--to', url], { home, env })).toMatchObject({ code: 0 });
    const again = await runHere(['store', 'migrate', '--to', url], { home, env });
    expect([again.code, again.stderr]).toEqual([78, expect.stringContaining('has moved to')]);
    // Killed when the source was marked, and the target was not yet.
    await administer(
      SERVER as string,
      `UPDATE ${schema}.moves SET state = 'arriving', mover = 'host/1/2 gone'`,
    );
    expect((await runs(home, '--store', url)).code).toBe(78);
    expect(await runHere(['store', 'migrate', '--to', url], { home, env })).toMatchObject({ code: 0 });
    const before = contentOf(home);
    // Back over the old copy.
    expect(await runHere(['store', 'migrate', '--from', url], { home, env })).toMatchObject({ code: 0 });
    expect(contentOf(home)).toEqual(before);
    expect((await runs(home)).code).toBe(0);
    expect((await runs(home, '--store', url)).code).toBe(78);
  });

  test('what cannot be moved is a sentence, and the source is as it was', async () => {
    const home = await filledHome(1);
    const empty = makeFolder();
    const full = await filledHome(2);
    const before = contentOf(home);
    const socket = withParts(url, { sslmode: 'disable' });
    const newer = makeFolder();
    mkdirSync(join(newer, 'state'));
    const database = openDatabase(join(newer, 'state', 'wxagent.db'));
    database.exec('PRAGMA user_version=99');
    database.close();
    writeFileSync(
      join(newer, 'text.db'),
      'this is no database, but a text that is long enough to be one'.repeat(20),
    );
    const role = uniqueName();
    await administer(SERVER as string, `CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    onTestFinished(() => administer(SERVER as string, `DROP ROLE ${role}`).then(() => {}));
    const wx = join(home, 'wx');
    const cases: [args: string[], code: number, said: string, env?: Record<string, string>][] = [
      [[], 64, 'needs --from, --to or both'],
      [['--store', url, '--to', url], 64, 'instead of --store'],
      [['--cancel', '--to', url], 64, '--cancel goes with --from'],
      [['--to', wx], 64, 'are the same store'],
      [['--to', databaseOf(home)], 64, 'are the same store'],
      [['--from', join(wx, '..', 'wx'), '--to', wx], 64, 'are the same store'],
      [['--to', 'mysql://u:SECRET@h/x'], 64, 'takes postgres://'],
      [['--from', join(empty, 'none'), '--to', url], 66, 'there is no store in'],
      [['--from', url, '--to', join(empty, 'new')], 66, 'there is no store in postgres://'],
      [
        ['--to', withParts(url, { host: '127.0.0.1', port: 1, password: 'SECRET' })],
        69,
        'cannot use postgres://',
      ],
      [['--to', url], 78, 'WXAGENT_STORE_KEY', {}],
      [['--to', withParts(url, { user: role, password: 'x' })], 77, 'lacks a right'],
      [['--to', newer], 78, 'was written by a newer wxagent'],
      [['--from', newer, '--to', url], 78, 'was written by a newer wxagent'],
      [['--to', join(newer, 'text.db')], 74, 'not a database'],
      [['--to', join(full, 'wx')], 78, 'is not empty: it has logins'],
      [['--cancel'], 78, 'is not being moved'],
      [['--to', '/dev/null/home'], 74, '/dev/null'],
    ];
    for (const [args, code, said, given = env] of cases) {
      const end = await runHere(['store', 'migrate', ...args], { home, env: given });
      expect([end.code, end.stderr, args], end.stderr).toEqual([code, expect.stringContaining(said), args]);
      expect(end.stderr).not.toContain('SECRET');
      expect(contentOf(home)).toEqual(before);
    }
    expect(
      await administer(SERVER as string, `SELECT 1 FROM pg_namespace WHERE nspname = '${schema}'`),
    ).toEqual([]);

    // In use, on either side; twice under two names; not the same afterwards.
    const serving = startHere(['run', '--echo', ...QUICK], { home });
    await serving.says('stderr', 'ready');
    const busy = await runHere(['store', 'migrate', '--to', url], { home, env });
    expect([busy.code, busy.stderr]).toEqual([
      75,
      expect.stringMatching(/is in use: process \d+ on .* receives/),
    ]);
    await serving.stop();
    await administer(
      SERVER as string,
      `CREATE FUNCTION ${schema}.spoil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.throttle_step = 77; RETURN NEW; END'`,
      `CREATE TRIGGER spoil BEFORE INSERT ON ${schema}.accounts FOR EACH ROW EXECUTE FUNCTION ${schema}.spoil()`,
    );
    const spoilt = await runHere(['store', 'migrate', '--to', url], { home, env });
    expect([spoilt.code, spoilt.stderr]).toEqual([
      74,
      expect.stringContaining('accounts is not the same at the target'),
    ]);
    expect((await runs(home, '--store', url)).code).toBe(78);
    expect((await runs(home)).code).toBe(0);
    await administer(SERVER as string, `DROP TRIGGER spoil ON ${schema}.accounts`);
    expect(await runHere(['store', 'migrate', '--to', url], { home, env })).toMatchObject({ code: 0 });
    const twice = await runHere(['store', 'migrate', '--from', url, '--to', socket], { home, env });
    expect([twice.code, twice.stderr]).toEqual([64, expect.stringContaining('are the same store')]);
    const worker = startHere(['run', '--echo', '--all-accounts', '--store', url, ...QUICK], { home, env });
    await worker.says('stderr', 'ready');
    const worked = await runHere(['store', 'migrate', '--from', url], { home, env });
    expect([worked.code, worked.stderr]).toEqual([75, expect.stringContaining('is in use: process')]);
    await worker.stop();
  });

  test('values that SQLite keeps and that no version of ours has written', async () => {
    const home = await filledHome(1);
    const spoil = async (sql: string): Promise<Exited> => {
      const database = openDatabase(databaseOf(home));
      database.exec(sql);
      database.close();
      return runHere(['store', 'migrate', '--to', url], { home, env });
    };
    const mend = "UPDATE inbox SET copies = 0, state = 'done'; DELETE FROM allowed; ";
    const cases: [sql: string, said: string][] = [
      ["UPDATE inbox SET copies = 'toto'", 'copies has a value'],
      ['UPDATE inbox SET copies = 1.5', 'copies has a value'],
      ['UPDATE inbox SET copies = 9007199254740993', 'copies has a value'],
      // A text and a blob of the same bytes are two keys for SQLite.
      ["INSERT INTO allowed VALUES ('a', 'u', 1), ('a', CAST('u' AS BLOB), 1)", 'allowed'],
      ["INSERT INTO allowed VALUES ('a', 'u', 1), ('a', 'u' || char(0) || 'x', 1)", 'allowed'],
      [
        "INSERT INTO inbox (account, id, user, state, kind, fingerprint, received_at, raw) VALUES ('a', '1', 'u', 'running', 't', '', 0, ''), ('a', '2', 'u', 'running', 't', '', 0, '')",
        'inbox',
      ],
    ];
    for (const [sql, said] of cases) {
      const end = await spoil(mend + sql);
      expect([end.code, end.stderr, sql], end.stderr).toEqual([65, expect.stringContaining(said), sql]);
    }
    // What means the same moves: a text among blobs, a blob among texts, a text with half a character.
    const end = await spoil(
      `${mend}DELETE FROM inbox WHERE account = 'a'; UPDATE inbox SET raw = '{"a":"中"}', reason = CAST('文' AS BLOB), detail = CAST(X'ff00' AS BLOB);
       UPDATE inbox SET session_id = CAST(X'61ff' AS TEXT), outputs = 'cut' || char(0) || 'here'`,
    );
    expect([end.code, end.stderr]).toEqual([0, expect.stringContaining('is not served any more')]);
    const [row] = await administer(
      SERVER as string,
      `SELECT encode(raw, 'escape') AS raw, reason, encode(detail, 'hex') AS detail, session_id, outputs FROM ${schema}.inbox`,
    );
    expect(row).toEqual({
      raw: '{"a":"\\344\\270\\255"}',
      reason: '文',
      detail: 'ff00',
      session_id: 'a\ufffd',
      outputs: 'cut\ufffdhere',
    });
  });
});
