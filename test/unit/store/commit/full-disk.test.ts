import { existsSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WxError } from '../../../../src/core/errors.ts';
import { type Database, openDatabase } from '../../../../src/sqlite/database.ts';
import { createDatabaseFiles, type DatabaseFiles } from '../../../../src/sqlite/database-files.ts';
import { createDiskRetry, type DiskRetry } from '../../../../src/store/commit/full-disk.ts';
import { createGroupCommit, type GroupCommit } from '../../../../src/store/commit/group-commit.ts';
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
  retry: DiskRetry;
  reported: string[];
  stop: AbortController;
  slept: number[];
  files: DatabaseFiles;
  commits: GroupCommit;
} {
  const stop = new AbortController();
  const reported: string[] = [];
  const clock = createJumpClock();
  const files = createDatabaseFiles(path);
  const wait = { signal: stop.signal, report: (why: string) => void reported.push(why) };
  const retry = createDiskRetry({ path, clock, reserve: join(folder, 'reserve'), wait, files });
  const commits = createGroupCommit({ database, files, clock, retry });
  return { retry, reported, stop, slept: clock.slept, files, commits };
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
    const { retry, reported, slept } = bench();
    await retry(() => 'once');
    expect(await retry(failing(code, 70))).toBe('done');
    expect(reported).toHaveLength(3);
    expect(reported[0]).toContain(path);
    expect(Math.max(...slept)).toBeLessThanOrEqual(1_000);
  });

  test.each(['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'EDQUOT'])(
    '%s is a full disk: the reserve is given up',
    async (code) => {
      const { retry, reported, stop } = bench();
      await retry(() => 'once');
      await writeFile(join(folder, 'reserve'), 'room');
      expect(await retry(failing(code, 1))).toBe('done');
      expect([existsSync(join(folder, 'reserve')), reported]).toEqual([false, []]);
      expect(await retry(failing(code, 2))).toBe('done');
      expect(reported).toEqual([`the disk of ${path} is full`]);
      stop.abort();
    },
  );

  test('a lock that another process holds for 45 s', async () => {
    const { retry, reported } = bench();
    await retry(() => 'once');
    let ms = 0;
    const clock = createJumpClock();
    const until = clock.monotonic() + 45_000;
    const busy = createDiskRetry({
      path,
      clock,
      reserve: '',
      wait: { signal: new AbortController().signal, report: () => ms++ },
      files: createDatabaseFiles(path),
    });
    await busy(() => 'once');
    const work = (): string => {
      if (clock.monotonic() < until) throw failure('SQLITE_BUSY');
      return 'done';
    };
    expect(await busy(work)).toBe('done');
    expect([ms, reported]).toEqual([1, []]);
  });

  test('a stop ends the wait with what was wrong', async () => {
    const { retry, stop } = bench();
    await retry(() => 'once');
    stop.abort();
    await expect(retry(failing('EMFILE', 9))).rejects.toMatchObject({ kind: 'storage' });
  });

  test.each(['SQLITE_CORRUPT', 'SQLITE_NOTADB', 'SQLITE_READONLY_DBMOVED'])('%s is the end', async (code) => {
    const { retry } = bench();
    await retry(() => 'once');
    await expect(retry(failing(code, 1))).rejects.toMatchObject({ kind: 'storage' });
  });
});

test.each(['SQLITE_READONLY', 'SQLITE_CANTOPEN', 'EMFILE'])(
  'a store that has never worked: %s is reported at once',
  async (code) => {
    await expect(bench().retry(failing(code, 1))).rejects.toMatchObject({ kind: 'storage' });
  },
);

test.each([failure('SQLITE_CONSTRAINT_UNIQUE'), new TypeError('x is undefined'), new Error('no')])(
  'a fault of a step is none of the store: %s',
  async (error) => {
    const thrower = (): never => {
      throw error;
    };
    await expect(bench().retry(thrower)).rejects.toMatchObject({ kind: 'internal' });
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
  ])('%s: the next flush says so, and every step and flush after it', async (_, harm) => {
    const { commits, files } = bench();
    await commits.run(write);
    await commits.flush();
    expect(files.areGone).toBe(false);
    await harm();
    const writing = commits.run(write).then(commits.flush);
    await expect(writing).rejects.toThrow('was deleted, moved or replaced under this process');
    await expect(commits.run(write)).rejects.toBeInstanceOf(WxError);
    expect(files.areGone).toBe(true);
  });

  test('a database that others use and close stays', async () => {
    const { commits, files } = bench();
    await commits.run(write).then(commits.flush);
    const other = openDatabase(path);
    other.run('INSERT INTO t VALUES (NULL)');
    other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    other.close();
    await commits.run(write).then(commits.flush);
    expect(files.areGone).toBe(false);
  });
});
