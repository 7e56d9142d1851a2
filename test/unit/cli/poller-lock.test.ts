import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { acquirePollerLock, lockHolderOf } from '../../../src/cli/account/poller-lock.ts';
import { openHomeStore } from '../../../src/cli/account/store.ts';
import { systemClock } from '../../../src/core/time/clock.ts';
import { createSteadyClock } from '../../../src/core/time/steady-clock.ts';
import type { LockPurpose } from '../../../src/home/lock.ts';
import { createPaths, type Paths } from '../../../src/home/paths.ts';
import { openDatabase } from '../../../src/sqlite/database.ts';
import type { Store } from '../../../src/store/port/port.ts';
import { openStore } from '../../../src/store/sqlite-store.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { makeScript, type RunningScript, type Script } from '../../helpers/run-script.ts';
import { createLogBook } from '../runner/support.ts';

const KEY = 'c41f09aa77be@im.bot';

let script: Script;
let folder: string;
let paths: Paths;
let store: Store;
let context: Parameters<typeof acquirePollerLock>[0] & { log: ReturnType<typeof createLogBook> };
beforeAll(async () => {
  script = await makeScript('test/fixtures/store-process.ts');
});
afterAll(() => script.dispose());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wxagent-poller-'));
  paths = createPaths(folder);
  context = { paths, clock: createSteadyClock(systemClock), log: createLogBook() };
  store = await openHomeStore(context);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const ask = (key = KEY, purpose: LockPurpose = 'serve', onLost = (): void => {}) =>
  acquirePollerLock(context, { key }, store, { purpose, onLost });
async function acquired(key = KEY, onLost = (): void => {}) {
  const taken = await ask(key, 'serve', onLost);
  if ('holder' in taken) throw new Error(`process ${taken.holder.pid} has it`);
  return taken.lock;
}
/** What a process is called that cannot be looked at, as one in another container. */
const unseen = ({ child }: RunningScript) => ({
  host: 'here',
  pid: child.pid,
  startTime: `start-${child.pid}`,
});
/** Has such a process hold a lock, and notes it as the poller. */
async function servedElsewhere(path: string, slot: number | null): Promise<RunningScript> {
  const other = script.start('lock', path);
  await other.line(0);
  note(`here/${other.child.pid}/start-${other.child.pid}`, slot);
  return other;
}
function note(claimant: string, slot: number | null): void {
  const database = openDatabase(paths.database);
  database.run(
    'INSERT OR REPLACE INTO pollers (account, claimant, purpose, slot) VALUES (?, ?, ?, ?)',
    KEY,
    claimant,
    'serve',
    slot,
  );
  database.close();
}

test('of two in one process the second is told so, until the first lets go', async () => {
  const lock = await acquired();
  expect(await ask(KEY, 'look')).toEqual({
    holder: expect.objectContaining({ pid: process.pid, purpose: 'serve' }),
  });
  expect(await lockHolderOf(context, { key: KEY }, store.admin)).toMatchObject({ pid: process.pid });
  await lock.release();
  expect(await lockHolderOf(context, { key: KEY }, store.admin)).toBeNull();
  await (await acquired()).release();
});

test.each<[string, () => string, number | null]>([
  ['that cannot be looked at, as in another container', () => paths.processLock(1), 1],
  ['of an earlier version, with a lock of each account', () => paths.pollerLock(KEY), null],
])('a process %s keeps others out until it ends', async (_, path, slot) => {
  mkdirSync(dirname(path()), { recursive: true });
  const other = await servedElsewhere(path(), slot);
  expect(await ask()).toEqual({ holder: { ...unseen(other), purpose: 'serve' } });
  expect(await lockHolderOf(context, { key: KEY }, store.admin)).toMatchObject(unseen(other));
  // Its lock has nothing to do with other accounts.
  await (await acquired('other@im.bot')).release();
  await other.kill();
  await expect.poll(() => lockHolderOf(context, { key: KEY }, store.admin), { timeout: 20_000 }).toBeNull();
  const lock = await acquired();
  // What it has left behind may be freed.
  expect(lock.former).toEqual(unseen(other));
  await lock.release();
});

test('whoever has the lock now is not the one that was noted with it', async () => {
  const other = script.start('lock', paths.processLock(1));
  await other.line(0);
  note('here/1/before', 1);
  const lock = await acquired();
  expect(lock.former).toEqual({ host: 'here', pid: 1, startTime: 'before' });
  expect(await store.admin.poller(KEY)).toMatchObject({ slot: 2 });
  await lock.release();
  await other.kill();
});

test('an account that another process takes all the same is lost, and it alone', async () => {
  let lost = 0;
  const lock = await acquired(KEY, () => lost++);
  const kept = await acquired('other@im.bot', () => expect.unreachable());
  // As a process in another container does that has found the files of the lock gone.
  note('there/7/now', 3);
  await pollUntil('it is noticed', () => lost === 1);
  expect(() => lock.check()).toThrow(`process 7 on there receives the messages of ${KEY} now`);
  kept.check();
  await lock.release();
  expect(await store.admin.poller(KEY)).toMatchObject({ claimant: 'there/7/now' });
  await kept.release();
});

test('a lock that is taken from under its process, and by another: the next one is noted', async () => {
  let look = (): void => {};
  const looks = new Promise<void>((resolve) => {
    look = resolve;
  });
  const { clock } = context;
  context.clock = { ...clock, sleep: (ms, signal) => looks.then(() => clock.sleep(ms, signal)) };
  const lock = await acquired();
  await rm(dirname(paths.processLock(1)), { recursive: true });
  const other = script.start('lock', paths.processLock(1));
  await other.line(0);
  look();
  await expect.poll(() => store.admin.poller(KEY), { timeout: 20_000 }).toMatchObject({ slot: 2 });
  lock.check();
  expect(context.log.lines.filter((line) => line.includes('takes it again'))).toHaveLength(1);
  await lock.release();
  await other.kill();
});

test('two hundred accounts have the open files of one, and leave none', async () => {
  const open = (): number => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);
  const first = await acquired();
  const [before, timers] = [open(), timersNow()];
  const keys = Array.from({ length: 200 }, (_, n) => `bot-${n}@im.bot`);
  const locks = await Promise.all(keys.map((key) => acquired(key)));
  // Both may fall: what earlier tests have left is collected at some time.
  expect(open()).toBeLessThan(before + 10);
  expect(timersNow()).toBeLessThan(timers + 10);
  // Another store of the same home, as of a second process, knows all of them.
  const second = openStore({
    path: paths.database,
    reserve: paths.reserve,
    clock: systemClock,
    claimant: { id: 'second', isAlive: () => true },
    wait: null,
  });
  expect(await second.admin.poller('bot-199@im.bot')).toMatchObject({ slot: 1 });
  await second.close();
  await Promise.all(locks.map((lock) => lock.release()));
  await first.release();
  expect(await store.admin.polledAccounts()).toEqual([]);
});

function timersNow(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}
