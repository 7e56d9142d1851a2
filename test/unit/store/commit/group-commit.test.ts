import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Clock, systemClock } from '../../../../src/core/time/clock.ts';
import { type Database, openDatabase } from '../../../../src/sqlite/database.ts';
import { createDatabaseFiles } from '../../../../src/sqlite/database-files.ts';
import { createDiskRetry } from '../../../../src/store/commit/full-disk.ts';
import { createGroupCommit, type GroupCommit } from '../../../../src/store/commit/group-commit.ts';
import { createJumpClock } from '../../../helpers/jump-clock.ts';
import { makeScript, type Script } from '../../../helpers/run-script.ts';

let script: Script;
let folder: string;
let path: string;
let database: Database;
beforeAll(async () => {
  script = await makeScript('test/fixtures/store-process.ts');
});
afterAll(() => script.dispose());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wxagent-commits-'));
  path = join(folder, 'x.db');
  database = openDatabase(path);
  database.exec('CREATE TABLE t (n INTEGER PRIMARY KEY)');
});
afterEach(async () => {
  database.close();
  await rm(folder, { recursive: true, force: true });
});

const commitsWith = (clock: Clock): GroupCommit => {
  const files = createDatabaseFiles(path);
  const reserve = join(folder, 'reserve');
  const retry = createDiskRetry({ path, clock, reserve, wait: null, files });
  return createGroupCommit({ database, files, clock, retry });
};
const put =
  (n: number) =>
  (db: Database): number => {
    db.run('INSERT INTO t VALUES (?)', n);
    return n;
  };
const stored = (): unknown[] => database.all('SELECT n FROM t ORDER BY n').map((row) => row.n);

test('steps asked for together share one commit and get their own results', async () => {
  const commits = commitsWith(systemClock);
  const other = openDatabase(path);
  const version = (): unknown => other.one('PRAGMA data_version')?.data_version;
  const seen = new Set<unknown>();
  version();
  const results = await Promise.all(
    [1, 2, 3].map((n) => commits.run(put(n)).finally(() => seen.add(version()))),
  );
  expect(results).toEqual([1, 2, 3]);
  expect(seen.size).toBe(1);
  expect(stored()).toEqual([1, 2, 3]);
  other.close();
});

test('a step that fails takes nothing of the others with it, and leaves nothing of itself', async () => {
  const commits = commitsWith(systemClock);
  const failing = (db: Database): never => {
    put(99)(db);
    throw new Error('no');
  };
  const results = await Promise.allSettled([
    commits.run(put(1)),
    commits.run(failing),
    commits.run(put(2)),
    commits.run(put(1)),
  ]);
  expect(results.map((one) => one.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
  expect(stored()).toEqual([1, 2]);
});

test('a step whose file finds the disk full is done again with the room of the reserve', async () => {
  const reserve = join(folder, 'reserve');
  await writeFile(reserve, 'room');
  const commits = commitsWith(systemClock);
  // As holds do that go on as a file when their user writes.
  const keeping = (db: Database): number => {
    put(1)(db);
    if (existsSync(reserve)) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    return 1;
  };
  expect(await commits.run(keeping)).toBe(1);
  expect(stored()).toEqual([1]);
});

describe('what a result sets off before the commit', () => {
  const versions = () => {
    const other = openDatabase(path);
    onTestFinished(() => other.close());
    return () => other.one('PRAGMA data_version')?.data_version;
  };

  test('shares the commit, behind what waited already', async () => {
    const commits = commitsWith(systemClock);
    const version = versions();
    const before = version();
    const ends: unknown[] = [];
    const later: Promise<unknown>[] = [];
    const ask = (n: number) => later.push(commits.run(put(n)).then(() => ends.push([n, version()])));
    await commits.run(put(1), (n) => {
      // Nobody else sees it yet.
      expect([n, version()]).toEqual([1, before]);
      ask(2);
      ask(3);
    });
    await Promise.all(later);
    expect(ends).toEqual([2, 3].map((n) => [n, version()]));
    expect(stored()).toEqual([1, 2, 3]);
  });

  test('fails by itself', async () => {
    const commits = commitsWith(systemClock);
    let second: Promise<number> | undefined;
    const told: number[] = [];
    const first = commits.run(put(1), (n) => {
      told.push(n);
      second ??= commits.run(put(1));
    });
    expect(await first).toBe(1);
    await expect(second).rejects.toThrow('UNIQUE');
    expect([told, stored()]).toEqual([[1, 1], [1]]);
  });

  test('finds nothing of a step that fails', async () => {
    const commits = commitsWith(systemClock);
    const count = (db: Database) => db.one('SELECT count(*) AS n FROM t')?.n;
    let second: Promise<unknown> | undefined;
    let times = 0;
    const failing = (db: Database): number => {
      put(1)(db);
      if (times++ > 0) throw new Error('no');
      return 1;
    };
    const first = commits.run(failing, () => {
      second = commits.run(count);
      void commits.run(put(1)).catch(() => {});
    });
    await expect(first).rejects.toThrow('no');
    expect(await second).toBe(0);
  });
});

describe('flush', () => {
  /** A disk that is done when it is told, and how often it was told to write; `commits` knows that it is slow. */
  const slowDisk = async () => {
    const disk = { syncs: 0, finish: (_?: Error) => {}, commits: commitsWith(systemClock) };
    database.syncBlocking = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 25);
    await disk.commits.run(put(0));
    await disk.commits.flush();
    database.sync = () => {
      disk.syncs++;
      return new Promise((resolve, reject) => {
        disk.finish = (error) => (error ? reject(error) : resolve());
      });
    };
    return disk;
  };
  const turns = async (): Promise<void> => {
    for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
  };

  test('once for all who ask for it, and for what their commits have set off; not where nothing is new', async () => {
    const disk = await slowDisk();
    const { commits } = disk;
    await commits.flush();
    expect(disk.syncs).toBe(0);
    await Promise.all([commits.run(put(1)), commits.run(put(2))]);
    const served: string[] = [];
    const all = ['a', 'b'].map((name) => commits.flush().then(() => served.push(name)));
    const third = commits.run(put(3)).then(() => commits.flush());
    await turns();
    expect([served, disk.syncs]).toEqual([[], 1]);
    disk.finish();
    await Promise.all([...all, third]);
    await commits.flush();
    expect([served, disk.syncs]).toEqual([['a', 'b'], 1]);
  });

  test('what is committed while the disk writes is written once more: it may have come too late', async () => {
    const disk = await slowDisk();
    const { commits } = disk;
    await commits.run(put(1));
    const first = commits.flush();
    await turns();
    await commits.run(put(2));
    let isLate = false;
    const second = commits.flush().then(() => (isLate = true));
    disk.finish();
    await first;
    await turns();
    expect([isLate, disk.syncs]).toEqual([false, 2]);
    disk.finish();
    await second;
  });

  test('a disk that fails fails all who wait, and the next is tried anew', async () => {
    const disk = await slowDisk();
    const { commits } = disk;
    await commits.run(put(1));
    const failing = Promise.allSettled([commits.flush(), commits.flush()]);
    await turns();
    disk.finish(new Error('broken'));
    expect((await failing).map((one) => one.status)).toEqual(['rejected', 'rejected']);
    const next = commits.flush();
    await turns();
    disk.finish();
    await next;
    expect(disk.syncs).toBe(2);
  });

  test('with few steps a quick disk is waited for at once; a slow one by a thread, for a minute', async () => {
    const clock = createJumpClock();
    const commits = commitsWith(clock);
    const ways: string[] = [];
    let tookMs = 1;
    database.syncBlocking = () => {
      ways.push('at once');
      clock.advance(tookMs);
    };
    database.sync = async () => void ways.push('thread');
    const flushOne = async (n: number): Promise<void> => {
      clock.advance(10);
      await commits.run(put(n));
      await commits.flush();
    };
    for (const n of [1, 2]) await flushOne(n);
    tookMs = 21;
    for (const n of [3, 4, 5]) await flushOne(n);
    clock.advance(60_000);
    await flushOne(6);
    expect(ways).toEqual(['at once', 'at once', 'at once', 'thread', 'thread', 'at once']);
    ways.length = 0;
    clock.advance(60_000);
    for (let n = 7; n < 14; n++) await commits.run(put(n));
    await commits.flush();
    expect(ways).toEqual(['thread']);
  });
});

test('after a rest the first three steps wait for no other; where more follow each other they leave others a turn', async () => {
  const clock = createJumpClock();
  const commits = commitsWith(clock);
  const other = openDatabase(path);
  let last = 0;
  /** How many commits two steps take, of which the second is asked for in the same turn of the event loop. */
  const commitsOfTwo = async (): Promise<number> => {
    const seen = new Set<unknown>();
    const ask = (): Promise<unknown> =>
      commits.run(put(++last)).finally(() => seen.add(other.one('PRAGMA data_version')?.data_version));
    const first = ask();
    await new Promise<void>((resolve) => process.nextTick(resolve));
    for (let n = 0; n < 10; n++) await null;
    await Promise.all([first, ask()]);
    return seen.size;
  };
  expect(await commitsOfTwo()).toBe(2);
  expect(await commitsOfTwo()).toBe(2);
  expect(await commitsOfTwo()).toBe(1);
  clock.advance(2);
  expect(await commitsOfTwo()).toBe(1);
  clock.advance(10);
  expect(await commitsOfTwo()).toBe(2);
  other.close();
});

test('what is asked for while others are committed follows them', async () => {
  const commits = commitsWith(systemClock);
  const later: Promise<unknown>[] = [];
  await commits.run(put(1)).then(() => later.push(commits.run(put(2))));
  await commits.idle();
  expect(stored()).toEqual([1, 2]);
  await Promise.all(later);
});

test('more steps than one commit takes are all done, in order', async () => {
  const commits = commitsWith(systemClock);
  const order: number[] = [];
  const all = Array.from({ length: 600 }, (_, n) => commits.run(put(n)).then((one) => order.push(one)));
  await commits.idle();
  await Promise.all(all);
  expect(order).toEqual(Array.from({ length: 600 }, (_, n) => n));
});

test('another process that is writing is waited for, and the event loop goes on meanwhile', async () => {
  const writer = script.start('write', path);
  await writer.line(0);
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 1);
  const commit = commitsWith(systemClock).run(put(1));
  const first = await Promise.race([commit, systemClock.sleep(300).then(() => 'still waiting')]);
  expect(first).toBe('still waiting');
  expect(ticks).toBeGreaterThan(0);
  writer.write('commit');
  expect(await commit).toBe(1);
  clearInterval(ticking);
});

test('it is waited for half a minute, once for all steps, and then they fail as busy', async () => {
  const other = openDatabase(path, 0);
  database.exec('PRAGMA busy_timeout=0');
  other.exec('BEGIN IMMEDIATE');
  const clock = createJumpClock();
  const commits = commitsWith(clock);
  const results = await Promise.allSettled([1, 2, 3].map((n) => commits.run(put(n))));
  expect(results.map((one) => one.status === 'rejected' && one.reason.cause.code)).toEqual(
    Array(3).fill('SQLITE_BUSY'),
  );
  const waitedMs = clock.slept.reduce((sum, ms) => sum + ms, 0);
  expect(waitedMs).toBeGreaterThanOrEqual(30_000);
  expect(waitedMs).toBeLessThan(31_000);
  other.exec('ROLLBACK');
  other.close();
  expect(await commits.run(put(4))).toBe(4);
});
