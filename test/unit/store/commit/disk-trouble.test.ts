import { statSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WxError } from '../../../../src/core/errors.ts';
import { type Database, openDatabase } from '../../../../src/sqlite/database.ts';
import { createStoreFiles, type StoreFiles } from '../../../../src/sqlite/store-files.ts';
import { createEndure, type Endure } from '../../../../src/store/commit/disk-trouble.ts';
import { createJumpClock } from '../../../helpers/jump-clock.ts';

let folder: string;
let path: string;
let database: Database;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wxagent-trouble-'));
  path = join(folder, 'home', 'x.db');
  await mkdir(join(folder, 'home'));
  database = openDatabase(path);
  database.exec('CREATE TABLE t (n INTEGER PRIMARY KEY)');
});
afterEach(async () => {
  database.close();
  await rm(folder, { recursive: true, force: true });
});

const failure = (code: string): Error => Object.assign(new Error(`it failed with ${code}`), { code });

function bench(): {
  endure: Endure;
  told: string[];
  stop: AbortController;
  slept: number[];
  files: StoreFiles;
} {
  const stop = new AbortController();
  const told: string[] = [];
  const clock = createJumpClock();
  const files = createStoreFiles(path);
  const trouble = { signal: stop.signal, tell: (why: string) => void told.push(why) };
  const endure = createEndure({ path, clock, reserve: join(folder, 'reserve'), trouble, files });
  return { endure, told, stop, slept: clock.slept, files };
}
/** Work that fails so many times. */
function failing(code: string, times: number): () => string {
  let left = times;
  return () => {
    if (left-- > 0) throw failure(code);
    return 'done';
  };
}

describe('a store that has worked', () => {
  test.each([
    'SQLITE_FULL',
    'SQLITE_IOERR_WRITE',
    'SQLITE_IOERR',
    'SQLITE_CANTOPEN',
    'SQLITE_NOMEM',
    'SQLITE_READONLY',
    'ENOSPC',
    'EDQUOT',
    'EMFILE',
    'EFBIG',
    'EIO',
  ])('%s: it waits, says so every 30 s, and goes on', async (code) => {
    const { endure, told, slept } = bench();
    await endure(() => 'once');
    expect(await endure(failing(code, 70))).toBe('done');
    expect(told).toHaveLength(3);
    expect(told[0]).toContain(path);
    expect(Math.max(...slept)).toBeLessThanOrEqual(1_000);
  });

  test('a lock that another process holds for 45 s', async () => {
    const { endure, told } = bench();
    await endure(() => 'once');
    let ms = 0;
    const clock = createJumpClock();
    const until = clock.monotonic() + 45_000;
    const busy = createEndure({
      path,
      clock,
      reserve: '',
      trouble: { signal: new AbortController().signal, tell: () => ms++ },
      files: createStoreFiles(path),
    });
    await busy(() => 'once');
    const work = (): string => {
      if (clock.monotonic() < until) throw failure('SQLITE_BUSY');
      return 'done';
    };
    expect(await busy(work)).toBe('done');
    expect([ms, told]).toEqual([1, []]);
  });

  test('a stop ends the wait with what was wrong', async () => {
    const { endure, stop } = bench();
    await endure(() => 'once');
    stop.abort();
    await expect(endure(failing('EMFILE', 9))).rejects.toMatchObject({ kind: 'storage' });
  });

  test.each(['SQLITE_CORRUPT', 'SQLITE_NOTADB', 'SQLITE_READONLY_DBMOVED'])('%s is the end', async (code) => {
    const { endure } = bench();
    await endure(() => 'once');
    await expect(endure(failing(code, 1))).rejects.toMatchObject({ kind: 'storage' });
  });
});

test.each(['SQLITE_READONLY', 'SQLITE_CANTOPEN', 'EMFILE'])(
  'a store that has never worked: %s is told at once',
  async (code) => {
    await expect(bench().endure(failing(code, 1))).rejects.toMatchObject({ kind: 'storage' });
  },
);

test.each([failure('SQLITE_CONSTRAINT_UNIQUE'), new TypeError('x is undefined'), new Error('no')])(
  'a fault of a step is none of the store: %s',
  async (error) => {
    const thrower = (): never => {
      throw error;
    };
    await expect(bench().endure(thrower)).rejects.toMatchObject({ kind: 'internal' });
  },
);

describe('the files under an open database', () => {
  const write = (): void => void database.run('INSERT INTO t VALUES (NULL)');
  test.each<[string, () => Promise<void>]>([
    ['the database deleted', () => rm(path)],
    ['its WAL deleted', () => rm(`${path}-wal`)],
    ['the database emptied', () => truncate(path)],
    ['an older one copied over it', () => writeFile(path, 'older')],
    ['something else of its size copied over it', () => writeFile(path, 'x'.repeat(statSync(path).size))],
    ['the folder moved', () => rename(join(folder, 'home'), join(folder, 'elsewhere'))],
    ['the folder removed', () => rm(join(folder, 'home'), { recursive: true })],
    [
      'another database in its place',
      async () => {
        await writeFile(join(folder, 'other'), 'other');
        await rename(join(folder, 'other'), path);
      },
    ],
  ])('%s: the next step says so, and every one after it', async (_, harm) => {
    const { endure, files } = bench();
    await endure(write);
    expect(files.areGone).toBe(false);
    await harm();
    await expect(endure(write)).rejects.toThrow('was deleted, moved or replaced under this process');
    await expect(endure(write)).rejects.toBeInstanceOf(WxError);
    expect(files.areGone).toBe(true);
  });

  test('a database that others use and close stays', async () => {
    const { endure, files } = bench();
    await endure(write);
    const other = openDatabase(path);
    other.run('INSERT INTO t VALUES (NULL)');
    other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    other.close();
    await endure(write);
    expect(files.areGone).toBe(false);
  });
});
