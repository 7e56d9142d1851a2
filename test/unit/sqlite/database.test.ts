import { readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/time/clock.ts';
import type { SqlValue } from '../../../src/sql/statement.ts';
import { openDatabase } from '../../../src/sqlite/database.ts';
import type { Store } from '../../../src/store/port/port.ts';
import { SQLITE_MIGRATIONS } from '../../../src/store/schema/sqlite-schema.ts';
import { openStore } from '../../../src/store/sqlite-store.ts';
import { makeScript, type Script } from '../../helpers/run-script.ts';

let script: Script;
let folder: string;
beforeAll(async () => {
  script = await makeScript('test/fixtures/store-process.ts');
});
afterAll(() => script.dispose());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wxagent-database-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('bytes read back as a Buffer, one row or many', () => {
  const database = openDatabase(join(folder, 'x.db'));
  try {
    database.exec('CREATE TABLE t (bytes BLOB)');
    const bytes = Buffer.from('{"n":"\0"}');
    database.run('INSERT INTO t VALUES (?)', bytes);
    expect(database.one('SELECT bytes FROM t')?.bytes).toEqual(bytes);
    expect(database.all('SELECT bytes FROM t')).toEqual([{ bytes }]);
  } finally {
    database.close();
  }
});

test.skipIf(process.platform === 'win32')('the files of a database are readable by their owner only', () => {
  const path = join(folder, 'x.db');
  const database = openDatabase(path);
  try {
    database.exec('CREATE TABLE t (bytes BLOB)');
    const modes = ['', '-wal', '-shm'].map((end) => statSync(path + end).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600, 0o600]);
  } finally {
    database.close();
  }
});

test('whoever opens a file that another process is just making waits for it', async () => {
  const path = join(folder, 'x.db');
  const maker = script.start('make', path, '300');
  await maker.line(0);
  const database = openDatabase(path);
  try {
    expect(database.one('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' });
  } finally {
    database.close();
  }
  expect(await maker.ended).toMatchObject({ code: 0, stderr: '' });
});

test('values that the native layer would not survive are refused before they reach it', () => {
  const database = openDatabase(join(folder, 'x.db'));
  try {
    database.exec('CREATE TABLE t (value)');
    const bad = [
      true,
      new Date(),
      {},
      [1],
      undefined,
      1n,
      Number.NaN,
      1.5,
      2 ** 53,
      new ArrayBuffer(1),
      Symbol('x'),
    ];
    for (const value of bad) {
      for (const use of [database.run, database.one, database.all]) {
        expect(() => use('SELECT ?', value as SqlValue), String(value)).toThrow(
          expect.objectContaining({ kind: 'internal', message: expect.stringContaining('not a storable') }),
        );
      }
    }
    expect(database.all('SELECT * FROM t')).toEqual([]);
  } finally {
    database.close();
  }
});

test.each<[string, SqlValue, SqlValue]>([
  ['a text', 'x\'"\\ \u{1F600}', 'x\'"\\ \u{1F600}'],
  ['an empty text', '', ''],
  ['a text with NUL, which would read back cut', 'a\0b', 'a\ufffdb'],
  ['the largest numbers', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ['the smallest', -Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER],
  ['nothing', null, null],
  ['no bytes', Buffer.alloc(0), Buffer.alloc(0)],
  ['a view of bytes', new Uint8Array(Buffer.from('abc')).subarray(1), Buffer.from('bc')],
])('%s is stored', (_, value, expected) => {
  const database = openDatabase(join(folder, 'x.db'));
  try {
    database.exec('CREATE TABLE t (value)');
    database.run('INSERT INTO t VALUES (?)', value);
    expect(database.one('SELECT value FROM t')?.value).toEqual(expected);
  } finally {
    database.close();
  }
});

describe('a store that cannot be opened', () => {
  let path: string;
  beforeEach(() => {
    path = join(folder, 'wxagent.db');
  });
  const open = (): Store =>
    openStore({
      path,
      reserve: join(folder, 'reserve'),
      clock: systemClock,
      claimant: { id: 'me', isAlive: () => false },
      wait: null,
    });
  const failure = (kind: string) => expect.objectContaining({ kind, message: expect.stringContaining(path) });

  test('a file that is no database is an error that names it, and stays as it is', async () => {
    await writeFile(path, 'not a database '.repeat(100));
    expect(open).toThrow(failure('storage'));
    expect(statSync(path).size).toBe(1_500);
  });

  test('a database that is damaged inside is an error that names it at the first step, if not before', async () => {
    expect(await script.start('open', path).ended).toMatchObject({ code: 0 });
    const pages = Buffer.alloc(statSync(path).size, 'x');
    readFileSync(path).copy(pages, 0, 0, 100);
    await writeFile(path, pages);
    const use = async (): Promise<void> => {
      const store = open();
      await store.inbox.unfinished('bot').finally(store.close);
    };
    await expect(use()).rejects.toMatchObject(failure('storage'));
  });

  test('a path that cannot be, too', async () => {
    await writeFile(join(folder, 'file'), '');
    path = join(folder, 'file', 'wxagent.db');
    expect(open).toThrow(failure('storage'));
  });

  test('a database of a newer wxagent is refused and left alone, also while it is in use', async () => {
    await open().close();
    const newer = openDatabase(path);
    newer.exec('PRAGMA user_version=99');
    expect(open).toThrow(failure('config'));
    newer.exec('BEGIN IMMEDIATE');
    expect(open).toThrow(failure('config'));
    newer.exec('ROLLBACK');
    expect(newer.one('PRAGMA user_version')?.user_version).toBe(99);
    newer.close();
  });

  test.each([0, 3, 99])(
    'a database of another program is refused and left alone, at version %i',
    async (version) => {
      const other = openDatabase(path);
      // A text that is not UTF-8, which the driver cannot read without ending the process.
      other.exec(`CREATE TABLE moves (store TEXT); INSERT INTO moves VALUES (CAST(x'ff' AS TEXT))`);
      other.exec(`PRAGMA user_version=${version}`);
      expect(open).toThrow(/is that of another program/);
      expect(other.all('SELECT name FROM sqlite_master')).toHaveLength(1);
      other.close();
    },
  );

  test.each(SQLITE_MIGRATIONS.map((_, version) => version))(
    'a database of schema %i is brought to the newest one, with what is in it',
    async (version) => {
      const old = openDatabase(path);
      for (const sql of SQLITE_MIGRATIONS.slice(0, version)) old.exec(sql);
      old.exec(`PRAGMA user_version=${version}`);
      if (version > 0) {
        old.run("INSERT INTO accounts (account, login, owner) VALUES ('bot', 'x', 'owner')");
        old.run(`INSERT INTO inbox (account, id, user, state, kind, fingerprint, received_at, raw)
          VALUES ('bot', '1', 'owner', 'received', 'text', 'x', 1, x'7b7d')`);
        for (const state of ['done', 'running']) {
          // Since schema 8 a child is forgotten at the end of its turn.
          const child = state === 'done' && version >= 8 ? null : '{"pid":7,"startTime":"x"}';
          old.run(
            `INSERT INTO inbox (account, id, user, state, kind, fingerprint, received_at, raw, child, finished_at)
               VALUES ('bot', ?1, 'owner', ?1, 'text', ?1, 1, '', ?2, ?3)`,
            state,
            child,
            // Since schema 36 the end of a turn always has its time.
            state === 'done' && version >= 36 ? 1 : null,
          );
        }
      }
      old.close();
      const store = open();
      expect((await store.admin.accountView('bot'))?.owner).toBe(version > 0 ? 'owner' : undefined);
      const place = { account: 'bot', user: 'owner', sessionId: 's', name: 'x' };
      const started = await store.turns.startTurn({ account: 'bot', seq: 1, mergeMs: 0, nowMs: 1 });
      expect(started && 'outputs' in started ? started.outputs : undefined).toEqual(
        version > 0 ? [] : undefined,
      );
      await store.sessions.setSessionValue({ ...place, value: 'kept', nowMs: 1 });
      expect(await store.sessions.sessionValue(place)).toBe('kept');
      const recovered = await store.turns.recover({ account: 'bot', former: null, retries: 3, nowMs: 1 });
      expect(recovered.children).toHaveLength(version > 0 ? 1 : 0);
      expect(await store.inbox.unfinished('bot')).toHaveLength(version > 0 ? 2 : 0);
      await store.close();
      const migrated = openDatabase(path);
      expect(migrated.one('PRAGMA user_version')?.user_version).toBe(SQLITE_MIGRATIONS.length);
      migrated.close();
    },
  );

  test('damage that shows only later is an error of the disk, not a bug', async () => {
    const store = open();
    const other = openDatabase(path);
    other.exec('DROP TABLE inbox');
    other.close();
    await expect(store.inbox.unfinished('bot')).rejects.toMatchObject(failure('storage'));
    await expect(store.inbox.retry({ account: 'bot', id: null })).rejects.toMatchObject(failure('storage'));
    await store.close();
  });
});

test('several processes may open a store that does not exist yet', async () => {
  const path = join(folder, 'state', 'wxagent.db');
  const all = Array.from({ length: 4 }, () => script.start('open', path));
  for (const one of all) expect(await one.ended).toMatchObject({ code: 0, stderr: '' });
});
