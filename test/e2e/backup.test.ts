import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/sqlite/database.ts';
import { MOVED_TABLES } from '../../src/store/transfer/moved-tables.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { administer, SERVER, uniqueName, withParts } from '../helpers/postgres.ts';
import { answered, answers, configPath, loggedIn, readAccounts, simulate } from '../helpers/simulated.ts';
import { smallDisk } from '../helpers/small-disk.ts';
import { BIN, jsonLines, makeFolder, type StartOptions, startWxagent, wxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];
const FRIEND = 'friend@im.wechat';

const databaseOf = (home: string): string => join(home, 'wx', 'state', 'wxagent.db');

const sumOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** All that a backup has, by the words of SQLite itself; each home has a folder of its own for files. */
function contentOf(home: string): Record<string, unknown> {
  const database = openDatabase(databaseOf(home));
  try {
    const rows = MOVED_TABLES.filter(({ name }) => name !== 'server_time').map(
      ({ name, key }) => [name, database.all(`SELECT * FROM ${name} ORDER BY ${key.join(', ')}`)] as const,
    );
    const parts = database.all('SELECT * FROM parts ORDER BY seq');
    return {
      ...Object.fromEntries(rows),
      users: database.all('SELECT account, "user", sent, last_message_seq FROM users'),
      parts: parts.map((row) => ({ ...row, file: null })),
      files: parts.flatMap(({ file }) => (file ? [sumOf(readFileSync(JSON.parse(String(file)).path))] : [])),
      logins: readAccounts(home),
    };
  } finally {
    database.close();
  }
}

/** Queues a file for somebody who has not written: it is held. */
async function holdFile(home: string, bytes: Buffer, ...more: string[]): Promise<void> {
  writeFileSync(join(home, 'picture.bin'), bytes);
  const args = ['send', '--to', FRIEND, '--file', join(home, 'picture.bin'), '--wait', '1s', ...more];
  expect((await runHere(args, { home })).code).toBe(75);
}

test('beside a run under load: what waits in the backup goes once, from another home', async () => {
  const simulator = await simulate({ strangers: true });
  const { home } = loggedIn(simulator);
  const [other, gate, file] = [makeFolder(), join(home, 'gate'), join(home, 'all.backup')];
  expect((await runHere(['config', 'set', 'maxChars', '900'], { home })).code).toBe(0);
  const bytes = randomBytes(300_000);
  await holdFile(home, bytes);
  const agent = `text=$(cat); case $text in slow*) until [ -e '${gate}' ]; do sleep 0.1; done;; esac; echo "$text"`;
  const running = startWxagent(['run', '--allow-all', ...QUICK, '--exec', agent], { home });
  await running.says('stderr', 'ready');
  const load = Array.from({ length: 40 }, (_, n) => `m${n}`);
  for (const text of load) simulator.control.message({ text, user: `${text}@im.wechat` });
  await answered(simulator, 1);
  expect(await runHere(['backup', file], { home })).toMatchObject({ code: 0 });
  const slow = ['slow 1', 'slow 2', 'slow 3'];
  for (const text of slow) simulator.control.message({ text });
  await answered(simulator, load.length);
  await pollUntil('all messages', async () => {
    const listed = jsonLines((await runHere(['messages', '--json'], { home })).stdout);
    return JSON.stringify(listed).includes('slow 3');
  });

  const refused = await runHere(['backup', file], { home });
  expect([refused.code, refused.stderr]).toEqual([73, expect.stringContaining('is there already')]);
  const written = await runHere(['backup', file, '--force', '--json'], { home });
  expect([written.code, written.stderr]).toEqual([0, expect.stringContaining('tokens')]);
  expect(jsonLines(written.stdout)).toMatchObject([
    { type: 'backup', file, accounts: 1, messages: 43, queued: 1, files: 1, bytes: statSync(file).size },
  ]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(home).filter((name) => name.startsWith('all.backup'))).toEqual(['all.backup']);
  const before = readFileSync(file);

  // A live runner, and what is not empty, are left alone.
  const beside = await runHere(['restore', file], { home });
  expect([beside.code, beside.stderr]).toEqual([78, expect.stringContaining('is not empty: it has logins')]);
  process.kill(running.pid, 'SIGKILL');
  await running.exited.catch(() => {});

  const restored = await runHere(['restore', file, '--json'], { home: other });
  expect([restored.code, restored.stderr]).toEqual([0, expect.stringContaining('must not run any more')]);
  expect(jsonLines(restored.stdout)).toMatchObject([
    { type: 'restore', accounts: 1, messages: 43, queued: 1, files: 1 },
  ]);
  expect(readFileSync(file).equals(before)).toBe(true);
  expect(statSync(configPath(other)).mode & 0o777).toBe(0o600);
  expect((await runHere(['config', 'get', 'maxChars'], { home: other })).stdout).toContain('900');
  expect(contentOf(other)).toMatchObject({ files: [sumOf(bytes)], logins: readAccounts(home) });
  expect(readdirSync(join(other, 'wx', 'state')).filter((name) => name.startsWith('restore.'))).toEqual([]);

  simulator.control.message({ text: 'hi', user: FRIEND });
  const again = startHere(['run', '--allow-all', '--echo', ...QUICK], { home: other });
  const toFriend = () => simulator.control.phone({ user: FRIEND }).shown.filter(({ from }) => from === 'bot');
  await pollUntil('the file and a reply', () => toFriend().length >= 2);
  await answered(simulator, load.length + slow.length + 2);
  await again.stop();
  expect(toFriend()).toHaveLength(2);
  const shown = answers(simulator);
  for (const text of [...load, ...slow]) expect(shown.filter((one) => one === text)).toEqual([text]);
});

/** As wxagent wrote it before backups had a digest. */
function withoutDigest(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.lastIndexOf('wxagent sha256 '));
}

test('what is no whole backup, or has no place, is refused with a sentence', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'a word to find' });
  expect((await runHere(['run', '--echo', '--once', ...QUICK], { home })).code).toBe(0);
  const good = join(home, 'good.backup');
  expect((await runHere(['backup', good], { home })).code).toBe(0);
  const bytes = readFileSync(good);
  const at = (name: string, content: Buffer | string): string => {
    writeFileSync(join(home, name), content);
    return join(home, name);
  };
  const changed = (name: string, sql: string): string => {
    const path = at(name, withoutDigest(bytes));
    const database = openDatabase(path);
    database.exec(sql);
    database.close();
    return path;
  };
  const spoilt = Buffer.from(bytes);
  spoilt.fill(0x5a, 4096, 12_288);
  // One bit of a message: the database itself is as whole as before.
  const flipped = Buffer.from(bytes);
  const letter = flipped.indexOf('a word to find');
  flipped[letter] = (flipped[letter] ?? 0) ^ 1;
  const cases: [file: string, code: number, said: string][] = [
    [join(home, 'none'), 66, 'cannot read'],
    [at('empty', ''), 65, 'is no backup of wxagent'],
    [at('text', 'a text, and no database\n'.repeat(50)), 65, 'is no backup of wxagent'],
    [at('zip', Buffer.from('PK\x03\x04')), 65, 'is no backup of wxagent'],
    [home, 65, 'cannot read'],
    [databaseOf(home), 65, 'is no backup of wxagent'],
    [changed('other', 'DROP TABLE backup; DROP TABLE inbox'), 65, 'is no backup of wxagent'],
    [at('half', bytes.subarray(0, bytes.length / 2)), 65, 'is damaged: it has'],
    [at('short', bytes.subarray(0, bytes.length - 1)), 65, 'is damaged: its last line'],
    [at('longer', Buffer.concat([bytes, bytes])), 65, 'is damaged: something was added'],
    [at('flipped', flipped), 65, 'is damaged: its content does not have its digest'],
    [at('header', bytes.subarray(0, 60)), 65, 'is damaged'],
    [at('spoilt', spoilt), 65, 'is damaged'],
    [changed('newer', 'PRAGMA user_version=999'), 78, 'was written by a newer wxagent'],
    [changed('noteless', 'DELETE FROM backup'), 65, 'is damaged'],
    [changed('foreign', "UPDATE backup SET note = '{}'"), 65, 'is damaged'],
  ];
  for (const [file, code, said] of cases) {
    const target = makeFolder();
    const end = await runHere(['restore', file], { home: target });
    expect([file, end.code, end.stderr], end.stderr).toEqual([file, code, expect.stringContaining(said)]);
    expect(existsSync(databaseOf(target)) || existsSync(configPath(target))).toBe(false);
  }
  const unnamed = await runHere(['restore'], { home });
  expect([unnamed.code, unnamed.stderr]).toEqual([64, expect.stringContaining('needs the path of a file')]);
  const targets: [args: string[], code: number, said: string][] = [
    [[good], 73, 'is there already'],
    [[home, '--force'], 73, 'is no file'],
    [[databaseOf(home), '--force'], 73, 'is the store itself'],
    [[configPath(home), '--force'], 73, 'is the store itself'],
    [[join(home, 'missing', 'x')], 73, 'cannot write in'],
    [['/dev/full', '--force'], 73, 'is no file'],
  ];
  for (const [args, code, said] of targets) {
    const end = await runHere(['backup', ...args], { home });
    expect([args, end.code, end.stderr], end.stderr).toEqual([args, code, expect.stringContaining(said)]);
  }
  expect(readFileSync(good).equals(bytes)).toBe(true);
  const asStore = await runHere(['run', '--echo', '--once', '--store', good], { home });
  expect([asStore.code, asStore.stderr]).toEqual([78, expect.stringContaining(`wxagent restore ${good}`)]);
  const nothing = await runHere(['backup', join(home, 'x')], { home: makeFolder() });
  expect([nothing.code, nothing.stderr]).toEqual([66, expect.stringContaining('there is no store in')]);
  expect(existsSync(join(home, 'x'))).toBe(false);
});

test('a backup without a digest is taken, and said to be one; through pipes it is the same file', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  await holdFile(home, randomBytes(3_000_000));
  const before = contentOf(home);
  const file = join(home, 'piped');
  const piped = await startWxagent(['-c', `"$0" "$@" >piped`, process.execPath, BIN, 'backup', '-'], {
    home,
    through: ['/bin/sh'],
  }).exited;
  expect([piped.code, piped.stdout, piped.stderr]).toEqual([0, '', expect.stringContaining('tokens')]);
  expect(readdirSync(join(home, 'wx', 'state')).filter((name) => name.startsWith('backup'))).toEqual([]);
  // A reader that goes away has no backup, and leaves nothing either.
  const script = '{ "$0" "$@"; echo $? >code; } | head -c 10';
  const cut = await startWxagent(['-c', script, process.execPath, BIN, 'backup', '-'], {
    home,
    through: ['/bin/sh'],
  }).exited;
  expect(readFileSync(join(home, 'code'), 'utf8')).toBe('73\n');
  expect(cut.stderr).toContain('stdout cannot be written');
  expect(readdirSync(join(home, 'wx', 'state')).filter((name) => name.startsWith('backup'))).toEqual([]);
  const [first, second] = [makeFolder(), makeFolder()];
  const fromStdin = await wxagent(['restore', '-', '--json'], { home: first, input: readFileSync(file) });
  expect([fromStdin.code, jsonLines(fromStdin.stdout)]).toMatchObject([0, [{ file: '-', hasDigest: true }]]);
  expect(contentOf(first)).toEqual(before);
  writeFileSync(file, withoutDigest(readFileSync(file)));
  const old = await runHere(['restore', file, '--json'], { home: second });
  expect([old.code, jsonLines(old.stdout)]).toMatchObject([0, [{ hasDigest: false }]]);
  expect(old.stderr).toContain('has no digest');
  expect(contentOf(second)).toEqual(before);
  const json = await runHere(['backup', '-', '--json'], { home });
  expect([json.code, json.stdout]).toEqual([64, '']);
});

test('a full disk at the target is said of that disk, and nothing is left on it', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  await holdFile(home, randomBytes(3_000_000));
  const disk = await smallDisk({ sizeMiB: 2 });
  const options = { home, through: disk.through };
  const full = await startWxagent([BIN, 'backup', join(disk.home, 'b')], options).exited;
  expect([full.code, full.stderr]).toEqual([
    74,
    expect.stringContaining(`cannot write in ${disk.home}: the disk is full`),
  ]);
  expect(readdirSync(disk.outside)).toEqual([]);
  disk.fill();
  const fuller = await startWxagent([BIN, 'backup', join(disk.home, 'b')], options).exited;
  expect([fuller.code, fuller.stderr]).toEqual([
    74,
    expect.stringContaining(`cannot write in ${disk.home}: `),
  ]);
});

test('kill -9 in the middle of a backup leaves no file under the name, and the next one clears away', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  await holdFile(home, randomBytes(60_000_000));
  const [folder, file] = [makeFolder(), 'b'];
  const parts = (): string[] => readdirSync(folder);
  const writing = startWxagent(['backup', join(folder, file)], { home });
  await pollUntil('a file', () => parts().some((name) => statSync(join(folder, name)).size > 0));
  process.kill(writing.pid, 'SIGKILL');
  await writing.exited.catch(() => {});
  expect(parts()).not.toContain(file);
  const [part = ''] = parts();
  const half = await runHere(['restore', join(folder, part)], { home: makeFolder() });
  expect([half.code, half.stderr]).toEqual([65, expect.stringMatching(/is damaged|is no backup/)]);
  expect(await runHere(['backup', join(folder, file)], { home })).toMatchObject({ code: 0 });
  expect(parts()).toEqual([file]);
  expect(await runHere(['restore', join(folder, file)], { home: makeFolder() })).toMatchObject({ code: 0 });
});

/** Moments of a restore, told by the folder of its home. */
const MOMENTS: Record<string, (state: string) => boolean> = {
  'the copy is used': (state) => namesIn(state).some((name) => name.endsWith('.db-wal')),
  'the target is there': (state) => existsSync(join(state, 'wxagent.db')),
  'files come': (state) => existsSync(join(state, 'media', 'out')),
  'the copy goes': (state) =>
    existsSync(join(state, 'wxagent.db')) && !namesIn(state).some((name) => /^restore.*db$/.test(name)),
};

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** Kills a restore at a moment. What is there afterwards is all or nothing; where it is nothing, a second restore does it. */
async function killRestore(
  file: string,
  moment: string,
  options: StartOptions,
  args: string[] = [],
): Promise<string> {
  const state = join(options.home, 'wx', 'state');
  const restoring = startWxagent(['restore', file, ...args], options);
  const isThere = MOMENTS[moment] ?? (() => true);
  await pollUntil(moment, () => isThere(state) || restoring.child.exitCode !== null);
  restoring.signal('SIGKILL');
  await restoring.exited.catch(() => {});
  const looked = await wxagent(['messages', '--json', ...args], options);
  if (looked.code === 0) return 'all';
  expect([looked.code, looked.stdout, looked.stderr]).toEqual([
    expect.any(Number),
    '',
    expect.stringMatching(looked.code === 77 ? /wxagent login/ : /wxagent restore/),
  ]);
  const again = await wxagent(['restore', file, ...args], options);
  expect([again.code, again.stderr]).toEqual([0, expect.any(String)]);
  expect(namesIn(state).filter((name) => name.startsWith('restore.'))).toEqual([]);
  return 'nothing';
}

/** A home with messages and a file of 8 MB to send, and a backup of it. */
async function backedUp() {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  await holdFile(home, randomBytes(8_000_000));
  for (let n = 0; n < 60; n++) simulator.control.message({ text: `${n} ${'x'.repeat(2_000)}` });
  expect((await runHere(['listen', '--max-messages', '60', '--json'], { home })).code).toBe(0);
  const file = join(home, 'all.backup');
  expect(await runHere(['backup', file], { home })).toMatchObject({ code: 0 });
  return { home, file };
}

test('kill -9 in the middle of a restore leaves all or nothing', async () => {
  const { home, file } = await backedUp();
  const before = contentOf(home);
  const seen: string[] = [];
  for (const moment of Object.keys(MOMENTS)) {
    const other = makeFolder();
    seen.push(await killRestore(file, moment, { home: other }));
    expect(contentOf(other)).toEqual(before);
  }
  expect(seen).toContain('nothing');
});

describe.skipIf(SERVER === null)('with a server', () => {
  const env = { WXAGENT_STORE_KEY: randomBytes(32).toString('base64') };
  let schema: string;
  let url: string;
  beforeEach(() => {
    schema = uniqueName();
    url = withParts(SERVER as string, { schema });
  });
  afterEach(() => administer(SERVER as string, `DROP SCHEMA IF EXISTS ${schema} CASCADE`));

  test('from a home to a server, and back from beside its worker: the same', async () => {
    const simulator = await simulate();
    const { home } = loggedIn(simulator);
    const [second, first, other] = [makeFolder(), makeFolder(), makeFolder()];
    loggedIn(simulator, { home, user: 'second@im.wechat', name: 'two' });
    const account = ['--account', 'two'];
    await holdFile(home, randomBytes(700_000), ...account);
    const before = contentOf(home);
    const [one, two] = [join(home, 'one'), join(home, 'two')];
    expect(await runHere(['backup', one], { home })).toMatchObject({ code: 0 });
    const keyless = await runHere(['restore', one, '--store', url], { home: first });
    expect([keyless.code, keyless.stderr]).toEqual([78, expect.stringContaining('WXAGENT_STORE_KEY')]);
    const there = await runHere(['restore', one, '--store', url], { home: first, env });
    expect([there.code, there.stderr]).toEqual([0, expect.stringContaining('must not run')]);
    const twice = await runHere(['restore', one, '--store', url], { home: first, env });
    expect([twice.code, twice.stderr]).toEqual([78, expect.stringContaining('is not empty')]);

    const locked = await runHere(['backup', two, '--store', url], { home: first });
    expect([locked.code, locked.stderr]).toEqual([78, expect.stringContaining('WXAGENT_STORE_KEY')]);
    expect(existsSync(two)).toBe(false);
    const taken = await runHere(['backup', two, '--store', url], { home: first, env });
    expect([taken.code, taken.stderr]).toEqual([0, expect.any(String)]);
    expect(await runHere(['restore', two], { home: second })).toMatchObject({ code: 0 });
    expect(contentOf(second)).toEqual(before);

    const worker = startHere(['run', '--echo', '--all-accounts', '--store', url, ...QUICK], {
      home: first,
      env,
    });
    await worker.says('stderr', 'ready');
    simulator.control.message({ text: 'hello' });
    await answered(simulator, 1);
    const beside = await runHere(['backup', two, '--force', '--json', '--store', url], { home: first, env });
    expect(jsonLines(beside.stdout)).toMatchObject([{ accounts: 2, messages: 1, queued: 1, files: 1 }]);
    await worker.stop();
    expect(await runHere(['restore', two], { home: other })).toMatchObject({ code: 0 });
    expect(contentOf(other)).toMatchObject({ files: before.files, logins: before.logins });
    // From a server to another schema of it, under the same names of blobs.
    const moved = withParts(SERVER as string, { schema: `${schema}b` });
    try {
      expect(await runHere(['restore', two, '--store', moved], { home: other, env })).toMatchObject({
        code: 0,
      });
    } finally {
      await administer(SERVER as string, `DROP SCHEMA IF EXISTS ${schema}b CASCADE`);
    }
  });

  test('kill -9 in the middle of a restore to a server leaves all or nothing', async () => {
    const { home, file } = await backedUp();
    const seen: string[] = [];
    for (const [n, moment] of ['the copy is used', 'the copy goes'].entries()) {
      const at = `${schema}_${n}`;
      const store = ['--store', withParts(SERVER as string, { schema: at })];
      try {
        const other = makeFolder();
        seen.push(await killRestore(file, moment, { home: other, env }, store));
        const back = join(other, 'back');
        expect(await wxagent(['backup', back, ...store], { home: other, env })).toMatchObject({ code: 0 });
        const third = makeFolder();
        expect(await wxagent(['restore', back], { home: third })).toMatchObject({ code: 0 });
        expect(contentOf(third)).toEqual(contentOf(home));
      } finally {
        await administer(SERVER as string, `DROP SCHEMA IF EXISTS ${at} CASCADE`);
      }
    }
    expect(seen).toContain('nothing');
  });

  test('a restore that was killed goes on with the same command', async () => {
    const simulator = await simulate();
    const { home } = loggedIn(simulator);
    const [other, file] = [makeFolder(), join(home, 'one')];
    await holdFile(home, randomBytes(50_000));
    expect(await runHere(['backup', file], { home })).toMatchObject({ code: 0 });
    expect(await runHere(['restore', file, '--store', url], { home: other, env })).toMatchObject({ code: 0 });
    await administer(
      SERVER as string,
      `UPDATE ${schema}.moves SET state = 'arriving', mover = 'host/1/2 gone', other = 'backup ${file}'`,
    );
    const half = await runHere(['run', '--echo', '--once', '--store', url], { home: other, env });
    expect([half.code, half.stderr]).toEqual([
      78,
      expect.stringMatching(/its restore from .*\n.*wxagent restore/),
    ]);
    expect(await runHere(['restore', file, '--store', url], { home: other, env })).toMatchObject({ code: 0 });
  });
});
