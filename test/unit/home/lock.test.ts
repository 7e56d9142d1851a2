import { readdirSync, rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/time/clock.ts';
import { lockHolder, tryLock, withLock } from '../../../src/home/lock.ts';
import { openDatabase } from '../../../src/sqlite/database.ts';
import { createJumpClock } from '../../helpers/jump-clock.ts';
import { makeScript, type RunningScript, type Script } from '../../helpers/run-script.ts';

const me = { host: 'here', pid: process.pid, startTime: 'mine' };
let script: Script;
let folder: string;
let path: string;
beforeAll(async () => {
  script = await makeScript('test/fixtures/store-process.ts');
});
afterAll(() => script.dispose());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wxagent-lock-'));
  path = join(folder, 'new', 'folder', 'a@im.bot.lock.db');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const holderOf = (one: RunningScript) => ({
  host: 'here',
  pid: one.child.pid,
  startTime: `start-${one.child.pid}`,
});
/** What another process is told about the lock. */
const tell = async (task: string): Promise<unknown> => {
  const one = script.start(task, path);
  const line = JSON.parse(await one.line(0));
  if (task === 'lock') await one.kill();
  return line;
};

describe('a lock held by another process', () => {
  test('is refused, and both ways of asking tell who holds it', async () => {
    const holder = script.start('lock', path);
    expect(JSON.parse(await holder.line(0))).toBe('taken');
    const held = { ...holderOf(holder), purpose: 'serve' };
    expect(tryLock(path, me)).toEqual({ holder: held });
    expect(lockHolder(path)).toEqual(held);
  });

  test('is free as soon as that process is killed', async () => {
    const holder = script.start('lock', path);
    await holder.line(0);
    await holder.kill();
    expect(lockHolder(path)).toBeNull();
    const taken = tryLock(path, me);
    if (!('lock' in taken)) throw new Error('still held');
    taken.lock.release();
  });

  test('is free when that process lets go', async () => {
    const holder = script.start('lock', path);
    await holder.line(0);
    holder.write('let go');
    await holder.ended;
    const taken = tryLock(path, me);
    if (!('lock' in taken)) throw new Error('still held');
    taken.lock.release();
  });

  test('can be waited for', async () => {
    const holder = script.start('lock', path);
    await holder.line(0);
    const work = withLock(path, me, systemClock, () => 'done');
    holder.write('let go');
    expect(await work).toBe('done');
  });

  test('is waited for only so long, and the holder is named', async () => {
    const holder = script.start('lock', path);
    await holder.line(0);
    const clock = createJumpClock();
    await expect(withLock(path, me, clock, () => {}, 200)).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining(`process ${holder.child.pid} holds`),
    });
    expect(clock.slept.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(300);
  });
});

test.skipIf(process.platform !== 'linux')(
  'however often it is tried, waiting keeps no more files open',
  async () => {
    const holder = script.start('lock', path);
    await holder.line(0);
    const openFiles = (): number => readdirSync('/proc/self/fd').length;
    const before = openFiles();
    const clock = createJumpClock();
    await expect(withLock(path, me, clock, () => {}, 300)).rejects.toMatchObject({ kind: 'busy' });
    expect(clock.slept.length).toBeGreaterThan(10);
    expect(openFiles() - before).toBeLessThan(10);
  },
);

describe('a lock held by this process', () => {
  test('keeps others out, whoever asks for it here a second time', async () => {
    const taken = tryLock(path, me);
    if (!('lock' in taken)) throw new Error('not taken');
    expect(tryLock(path, { ...me, startTime: 'another' })).toEqual({ holder: { ...me, purpose: 'serve' } });
    expect(await tell('holder')).toEqual({ holder: { ...me, purpose: 'serve' } });
    expect(await tell('lock')).toEqual({ holder: { ...me, purpose: 'serve' } });
    taken.lock.release();
    expect(await tell('lock')).toBe('taken');
  });

  test('is one of several: two locks do not touch each other', async () => {
    const [one, two] = [tryLock(path, me), tryLock(`${path}.other.db`, me)];
    if (!('lock' in one && 'lock' in two)) throw new Error('not taken');
    two.lock.release();
    expect(await tell('holder')).toEqual({ holder: { ...me, purpose: 'serve' } });
    one.lock.release();
    expect(await tell('holder')).toEqual({ holder: null });
  });

  test('is let go when the work fails', async () => {
    const work = withLock(path, me, systemClock, () => {
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    expect(await tell('holder')).toEqual({ holder: null });
  });
});

test.each([
  ['deleted', ['']],
  ['deleted with its side files', ['', '-wal', '-shm']],
  ['without its side files', ['-wal', '-shm']],
  ['without its shared memory', ['-shm']],
])(
  'a lock that is %s under its holder: it is noticed, and taken again it keeps others out',
  async (_, gone) => {
    const first = tryLock(path, me);
    if (!('lock' in first)) throw new Error('not taken');
    expect(first.lock.isInPlace()).toBe(true);
    for (const suffix of gone) rmSync(`${path}${suffix}`);
    expect(first.lock.isInPlace()).toBe(false);
    // Nobody in this process gets it a second time.
    expect(tryLock(path, me)).toEqual({ holder: { ...me, purpose: 'serve' } });
    first.lock.abandon();
    const again = tryLock(path, me);
    if (!('lock' in again)) throw new Error('not taken again');
    expect(await tell('lock')).toEqual({ holder: { ...me, purpose: 'serve' } });
    expect(again.lock.isInPlace()).toBe(true);
    again.lock.release();
    expect(await tell('lock')).toBe('taken');
  },
);

test('nobody who asks at the same moment is told to wait for himself, and everybody gets it', async () => {
  const processes = Array.from({ length: 3 }, () => script.start('contend', path, '60'));
  for (const one of processes) {
    const { stderr } = await one.ended;
    expect(stderr).toBe('');
    expect(one.lines.filter((line) => line.includes('itself'))).toEqual([]);
    expect(JSON.parse(one.lines.at(-1) ?? '').taken).toBeGreaterThan(0);
  }
});

test('a lock nobody ever had is free, and looking makes no file', async () => {
  expect(lockHolder(path)).toBeNull();
  expect(lockHolder(path)).toBeNull();
});

test('a file that is no lock is an error that names it', async () => {
  path = join(folder, 'garbage.db');
  await writeFile(path, 'garbage'.repeat(1_000));
  for (const ask of [() => tryLock(path, me), () => lockHolder(path)]) {
    expect(ask).toThrow(expect.objectContaining({ kind: 'storage', message: expect.stringContaining(path) }));
  }
});

test('what it is held for is told, and is to serve where an earlier version has not said', () => {
  const old = openDatabase(path.replace('new/folder/', ''));
  old.exec('CREATE TABLE holder (one INTEGER PRIMARY KEY, host TEXT, pid INTEGER, start_time TEXT)');
  old.close();
  const at = path.replace('new/folder/', '');
  const look = tryLock(at, me, 'look');
  if (!('lock' in look)) throw new Error('it is held');
  look.lock.release();
  const serve = tryLock(at, me);
  if (!('lock' in serve)) throw new Error('it is held');
  serve.lock.release();
});
