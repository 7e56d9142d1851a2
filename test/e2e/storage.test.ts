import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../src/sqlite/database.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { type SmallDisk, smallDisk } from '../helpers/small-disk.ts';
import { BIN, jsonLines, startWxagent, wxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];
const KIB = 1024;
const RESERVE_BYTES = 16 * KIB * KIB;
/** A message of which a few fill a disk. */
const LARGE = 'x'.repeat(900 * KIB);

/** A home on a disk of its own, logged in. */
async function homeOn(disk: SmallDisk, simulator: Awaited<ReturnType<typeof simulate>>): Promise<void> {
  const { home } = loggedIn(simulator);
  cpSync(join(home, 'wx'), join(disk.outside, 'wx'), { recursive: true });
}

const reserveOf = (disk: SmallDisk): string | undefined => {
  const state = join(disk.outside, 'wx', 'state');
  if (!existsSync(state)) return undefined;
  return readdirSync(state).find((name) => {
    const { size, blocks } = statSync(join(state, name), { throwIfNoEntry: false }) ?? { size: 0, blocks: 0 };
    return size === RESERVE_BYTES && blocks * 512 >= RESERVE_BYTES;
  });
};

test('a full disk: the reserve is given up first, then receiving stands still, and goes on when there is room', async () => {
  const simulator = await simulate({ quota: 0 });
  const disk = await smallDisk({ sizeMiB: 40 });
  await homeOn(disk, simulator);
  const through = [...disk.through, BIN] as [string, ...string[]];
  const run = startWxagent(['run', '--exec', 'head -c 24', ...QUICK], { home: disk.home, through, cwd: '/' });
  await pollUntil('there is a reserve', () => reserveOf(disk) !== undefined);
  simulator.control.message({ text: 'while there is room' });
  await answered(simulator, 1);

  disk.fill();
  const large = 'x'.repeat(200 * KIB);
  simulator.control.message({ text: large });
  await pollUntil('the reserve is gone', () => reserveOf(disk) === undefined);
  simulator.control.message({ text: 'on the reserve' });
  await pollUntil('it is answered', () => answers(simulator).includes('on the reserve'));
  expect(run.stderr).not.toContain('is full');

  // Now that, too.
  disk.fill();
  const before = answers(simulator).length;
  simulator.control.message({ text: `waits ${large}` });
  await run.says('stderr', /the disk of \S+wxagent\.db is full/);
  // No poll is open, so nothing more is handed out.
  simulator.control.message({ text: 'not fetched' });
  expect(simulator.control.bots()).toMatchObject([{ polls: 0, waiting: 1 }]);
  expect(answers(simulator)).toHaveLength(before);

  disk.makeRoom();
  await pollUntil('both are answered', () => answers(simulator).at(-1) === 'not fetched');
  expect(answers(simulator).slice(before).join('')).toContain('waits');
  expect(await run.stop()).toMatchObject({ code: 0, stdout: '' });
});

/** How a run ends that is stopped while its disk is full, and what was handed out that is neither stored nor on stderr. */
async function stopWhileFull(command: string) {
  const simulator = await simulate({ maxMessagesPerPoll: 3 });
  const disk = await smallDisk({ sizeMiB: 24 });
  await homeOn(disk, simulator);
  const through = [...disk.through, BIN] as [string, ...string[]];
  const where = { home: disk.home, through, cwd: '/' };
  const run = startWxagent(['run', '--exec', command, ...QUICK], where);
  await run.says('stderr', 'ready');
  await pollUntil('there is a reserve', () => reserveOf(disk) !== undefined);
  disk.fill();
  // More than the reserve holds, one poll after the other.
  const sent = Array.from({ length: 30 }, (_, n) => simulator.control.message({ text: `${n}: ${LARGE}` }));
  await run.says('stderr', /the disk of \S+ is full/);
  const end = await run.stop();
  const rescued = end.stderr.split('\n').filter((line) => line.startsWith('{'));

  disk.makeRoom();
  const [listed] = jsonLines((await wxagent(['messages', '--json'], where)).stdout);
  const stored = (listed as { messages: { id: string }[] }).messages.map(({ id }) => id);
  const missing = sent
    .slice(0, simulator.control.stats().counts.handedOut)
    .map(({ messageId }) => String(messageId))
    .filter((id) => !stored.includes(id) && !rescued.some((line) => line.includes(id)));
  return { end, rescued, missing };
}

test('stopped while the disk is full: what could not be stored goes to stderr as JSON lines, 74', async () => {
  // No turn ends, so it is a poll that finds no room.
  const { end, rescued, missing } = await stopWhileFull('sleep 60');
  expect(end).toMatchObject({ code: 74, stdout: '' });
  expect(end.stderr).toContain('wxagent doctor');
  expect(rescued.length).toBeGreaterThan(0);
  for (const line of rescued) expect(JSON.stringify(JSON.parse(line))).toContain(LARGE);
  expect(missing).toEqual([]);
});

test('the same when it is the end of a turn that finds no room, while a poll is under way', async () => {
  const { end, missing } = await stopWhileFull('true');
  expect(end).toMatchObject({ code: 74, stdout: '' });
  expect(missing).toEqual([]);
});

test('a state folder that cannot be written: 74, the path, the way to doctor', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  expect((await runHere(['run', '--echo', '--once', ...QUICK], { home })).code).toBe(0);
  const disk = await smallDisk({ readOnly: join(home, 'wx', 'state') });
  const asked = simulator.control.requests({ endpoint: 'getupdates' }).length;
  const through = [...disk.through, BIN] as [string, ...string[]];
  for (const args of [
    ['run', '--echo', '--once'],
    ['send', 'hello'],
    ['listen', '--once'],
  ]) {
    const end = await wxagent(args, { home, through });
    expect(end, args.join(' ')).toMatchObject({ code: 74, stdout: '' });
    expect(end.stderr).toContain(join(home, 'wx', 'state'));
    expect(end.stderr).toContain('hint: wxagent doctor');
  }
  expect(simulator.control.requests({ endpoint: 'getupdates' })).toHaveLength(asked);
  const doctor = await wxagent(['doctor'], { home, through });
  expect(doctor.code).not.toBe(0);
});

test.each<[string, (home: string) => void]>([
  ['deleted', (home) => rmSync(join(home, 'wx', 'state', 'wxagent.db'))],
  ['without its WAL', (home) => rmSync(join(home, 'wx', 'state', 'wxagent.db-wal'))],
  ['moved with its home', (home) => renameSync(home, `${home}-moved`)],
])('a database that is %s under a run: said, 74, and what it had is on stderr', async (_, harm) => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  onTestFinished(() => rmSync(`${home}-moved`, { recursive: true, force: true }));
  const run = startHere(['run', ...QUICK, '--exec', 'sleep 60'], { home, cwd: '/' });
  simulator.control.messages([{ text: 'at work' }, { text: 'behind it' }]);
  await run.says('stderr', '<- text');
  const held = await runHere(['send', '--to', 'o9silent@im.wechat', 'held'], { home });
  expect(held.code, held.stderr).toBe(75);
  harm(home);
  simulator.control.message({ text: 'after it' });
  const end = await run.exited;
  expect(end.code, end.stderr).toBe(74);
  expect(end.stderr).toContain('was deleted, moved or replaced under this process');
  const lines = end.stderr.split('\n').filter((line) => line.startsWith('{'));
  const unsent = lines.filter((line) => line.startsWith('{"unsent"'));
  expect(unsent.map((line) => JSON.parse(line))).toMatchObject([{ unsent: { text: 'held' } }]);
  const rescued = lines.filter((line) => !unsent.includes(line));
  const texts = rescued.map((line) => /"text":"([^"]*)"/.exec(line)?.[1]).sort();
  expect(texts.slice(-2)).toEqual(['at work', 'behind it']);
  expect(new Set(rescued).size).toBe(rescued.length);
  // Handed out before it was noticed, or still at the server.
  const { handedOut = 0 } = simulator.control.stats().counts;
  expect(texts).toHaveLength(handedOut);
});

test('an older copy written over the database under a run: said, 74, and what was copied stays as it is', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const path = join(home, 'wx', 'state', 'wxagent.db');
  const once = ['run', '--echo', '--once', ...QUICK];
  simulator.control.message({ text: 'first' });
  expect((await runHere(once, { home })).code).toBe(0);
  const older = readFileSync(path);
  const run = startWxagent(['run', '--exec', 'sleep 60', ...QUICK], { home });
  simulator.control.message({ text: 'at work' });
  await run.says('stderr', '<- text');
  const header = (bytes: Buffer): string => bytes.subarray(0, 100).toString('hex');
  await pollUntil('it is told from its copies', () => header(readFileSync(path)) !== header(older));
  // It notes every poll in the database, and looks at the file then.
  const polls = (): number => simulator.control.requests({ endpoint: 'getupdates' }).length;
  const before = polls();
  await pollUntil('it has looked', () => polls() >= before + 3);
  // It is no shorter, and the file is the same one: only its bytes tell.
  const copy = Buffer.concat([older, Buffer.alloc(statSync(path).size - older.length)]);
  writeFileSync(path, copy, { flag: 'r+' });
  const end = await run.exited;
  expect(end.code, end.stderr).toBe(74);
  expect(end.stderr).toContain('was deleted, moved or replaced under this process');
  expect(readFileSync(path).equals(copy)).toBe(true);
  expect(existsSync(`${path}-wal`)).toBe(false);
  expect((await runHere(once, { home })).code).toBe(0);
});

test('a database that is garbage: 74, named, left as it is; doctor finds it', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const path = join(home, 'wx', 'state', 'wxagent.db');
  mkdirSync(join(home, 'wx', 'state'), { recursive: true });
  const garbage = Buffer.alloc(64 * KIB, 'no database ');
  writeFileSync(path, garbage);
  for (const args of [['run', '--echo', '--once'], ['send', 'hello'], ['status'], ['messages']]) {
    const end = await runHere(args, { home });
    expect(end, args.join(' ')).toMatchObject({ code: 74, stdout: '' });
    expect(end.stderr, args.join(' ')).toContain(path);
    expect(end.stderr).toContain('hint: wxagent doctor');
  }
  expect(readFileSync(path).equals(garbage)).toBe(true);
  const doctor = await runHere(['doctor', '--json'], { home });
  const [report] = jsonLines(doctor.stdout) as { checks: { name: string; ok: boolean }[] }[];
  const found = report?.checks.find(({ name }) => name === 'database');
  expect(found).toMatchObject({ ok: false, hint: null });
  // Nothing was fetched that could not have been stored.
  expect(simulator.control.requests({ endpoint: 'getupdates' })).toEqual([]);
});

test('pages in the middle of the database overwritten: no message is taken that cannot be kept', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'one' });
  expect((await runHere(['run', '--echo', '--once', ...QUICK], { home })).code).toBe(0);
  const path = join(home, 'wx', 'state', 'wxagent.db');
  const database = openDatabase(path);
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 4_096);
  writeFileSync(path, bytes);
  simulator.control.message({ text: 'two' });
  const end = await runHere(['run', '--echo', '--once', ...QUICK], { home });
  expect(end.code, end.stderr).toBe(74);
  expect(end.stderr).toContain(path);
  expect(end.stderr).toContain('hint: wxagent doctor');
  expect(answers(simulator)).toEqual(['one']);
});

test('a database of a newer wxagent is refused with 78, and left as it is', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  expect((await runHere(['run', '--echo', '--once', ...QUICK], { home })).code).toBe(0);
  const path = join(home, 'wx', 'state', 'wxagent.db');
  const database = openDatabase(path);
  database.exec('PRAGMA user_version=999');
  database.close();
  const bytes = readFileSync(path);
  const asked = simulator.control.requests({ endpoint: 'getupdates' }).length;
  for (const args of [['run', '--echo', '--once'], ['send', 'hello'], ['status']]) {
    const end = await runHere(args, { home });
    expect(end, args.join(' ')).toMatchObject({ code: 78, stdout: '' });
    expect(end.stderr).toContain('newer wxagent (schema 999)');
  }
  expect(readFileSync(path).equals(bytes)).toBe(true);
  expect(simulator.control.requests({ endpoint: 'getupdates' })).toHaveLength(asked);
});

test('a Node that makes no code of strings runs it all the same', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'one' });
  const env = { NODE_OPTIONS: '--disallow-code-generation-from-strings' };
  const end = await wxagent(['run', '--echo', '--once', ...QUICK], { home, env });
  expect(end.code, end.stderr).toBe(0);
  expect(answers(simulator)).toEqual(['one']);
});

const lockOf = (home: string): string => join(home, 'wx', 'state', 'processes', '1.lock.db');
const SIDE_FILES = ['', '-wal', '-shm'];
const remove =
  (...suffixes: string[]) =>
  (lock: string): void => {
    for (const suffix of suffixes) rmSync(`${lock}${suffix}`);
  };
/** Puts another file in its place, as editors and `rsync` do. */
const replace = (lock: string, bytes: Buffer | string): void => {
  writeFileSync(`${lock}.new`, bytes);
  renameSync(`${lock}.new`, lock);
};

test.each<[string, (lock: string) => void, boolean?]>([
  ['deleted', remove('')],
  ['deleted with its side files', remove(...SIDE_FILES)],
  ['without its side files', remove('-wal', '-shm')],
  ['without its shared memory', remove('-shm')],
  ['replaced by a copy', (lock) => replace(lock, readFileSync(lock))],
  ['overwritten by something else', (lock) => writeFileSync(lock, 'no lock '.repeat(2_000)), false],
])(
  'a lock that is %s under a run: others are refused all the same, and it goes on',
  async (_, harm, hasGone = true) => {
    const simulator = await simulate();
    const { home } = loggedIn(simulator);
    const run = startWxagent(['run', '--echo', ...QUICK], { home });
    await run.says('stderr', 'ready');
    harm(lockOf(home));
    // Before and after it has been noticed.
    const others = async (): Promise<void> => {
      for (const args of [
        ['run', '--echo', '--once'],
        ['listen', '--once'],
      ]) {
        const end = await runHere(args, { home });
        expect(end, args.join(' ')).toMatchObject({ code: 75, stdout: '' });
        expect(end.stderr).toContain(`process ${run.pid} on `);
      }
    };
    await others();
    if (hasGone) await run.says('stderr', 'takes it again');
    await others();
    const [status] = jsonLines((await runHere(['status', '--json'], { home })).stdout);
    expect(status).toMatchObject({ accounts: [{ runner: { pid: run.pid } }] });
    simulator.control.message({ text: 'still here' });
    await answered(simulator, 1);
    expect(await run.stop()).toMatchObject({ code: 0 });
    expect(simulator.control.requests({ endpoint: 'notifystart' })).toHaveLength(1);
  },
);

test('a lock that cannot be taken again ends the run: said, 74, nothing lost; the next run begins with a new one', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startWxagent(['run', '--exec', 'sleep 60', ...QUICK], { home });
  simulator.control.message({ text: 'at work' });
  await run.says('stderr', '<- text');
  const lock = lockOf(home);
  remove(...SIDE_FILES)(lock);
  writeFileSync(lock, 'no lock '.repeat(2_000));
  const end = await run.exited;
  expect(end.code, end.stderr).toBe(74);
  expect(end.stderr).toContain(`the lock ${lock} was deleted or replaced under this process`);
  for (const suffix of SIDE_FILES) rmSync(`${lock}${suffix}`, { force: true });
  expect((await runHere(['run', '--echo', '--once', ...QUICK], { home })).code).toBe(0);
  expect(answers(simulator)).toEqual(['at work']);
});

test('whoever was killed has left nothing that keeps the next one out, with its lock or without', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  for (const harm of [() => {}, remove('')]) {
    const run = startWxagent(['run', '--echo', ...QUICK], { home });
    await run.says('stderr', 'ready');
    run.signal('SIGKILL');
    await run.exited;
    harm(lockOf(home));
    expect(await runHere(['run', '--echo', '--once', ...QUICK], { home })).toMatchObject({ code: 0 });
  }
});
