import { readFileSync, statSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/time/clock.ts';
import { readConfigFile } from '../../../src/home/config-file.ts';
import { type Credentials, createCredentials, type NewLogin } from '../../../src/home/credentials.ts';
import { createPaths, type Paths } from '../../../src/home/paths.ts';
import { makeScript, type Script } from '../../helpers/run-script.ts';

let script: Script;
let home: string;
let paths: Paths;
let credentials: Credentials;
beforeAll(async () => {
  script = await makeScript('test/fixtures/store-process.ts');
});
afterAll(() => script.dispose());
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'wxagent-credentials-'));
  paths = createPaths(join(home, 'new'));
  credentials = createCredentials({
    paths,
    me: { host: 'here', pid: 1, startTime: 'x' },
    clock: systemClock,
  });
});
afterEach(() => rm(home, { recursive: true, force: true }));

const login = (over: Partial<NewLogin> = {}): NewLogin => ({
  id: 'one@im.bot',
  owner: 'owner@im.wechat',
  name: null,
  token: 'one@im.bot:secret',
  baseUrl: 'https://ilinkai.weixin.qq.com',
  namedUrl: null,
  cdnUrl: null,
  loggedInAt: '2026-11-22T12:00:00.000Z',
  ...over,
});
const stored = () => readConfigFile(paths.config);

test('a config.json with a mark of Windows, and with what this version does not know, is written again', async () => {
  await credentials.saveLogin(login());
  const more = { ...JSON.parse(readFileSync(paths.config, 'utf8')), ofLater: { a: 1 } };
  await writeFile(paths.config, `\ufeff${JSON.stringify(more)}\r\n`);
  await credentials.prepare();
  await credentials.set('pace', '2s');
  expect(JSON.parse(readFileSync(paths.config, 'utf8'))).toEqual({ ...more, settings: { pace: '2s' } });
});

describe('logins', () => {
  test('a login is stored under its bot id, names with dots and all', async () => {
    const account = await credentials.saveLogin(login({ name: 'a.b' }));
    expect(account).toEqual({ ...login({ name: 'a.b' }), key: 'one@im.bot', formerIds: [] });
    expect(stored().accounts).toEqual([account]);
  });

  test('an alias stays with the account that has it', async () => {
    await credentials.saveLogin(login({ name: 'mine' }));
    const other = { id: 'else@im.bot', owner: 'else' };
    expect(await credentials.saveLogin(login({ ...other, name: 'mine' }))).toMatchObject({ name: null });
    expect(await credentials.saveLogin(login({ ...other, name: 'theirs' }))).toMatchObject({
      name: 'theirs',
    });
    expect(await credentials.saveLogin(login({ ...other, name: 'mine' }))).toMatchObject({ name: 'theirs' });
    expect(await credentials.saveLogin(login({ name: 'mine' }))).toMatchObject({ name: 'mine' });
  });

  test('the same owner under another bot id takes the account over', async () => {
    await credentials.saveLogin(login({ name: 'mine' }));
    await credentials.saveLogin(login({ id: 'else@im.bot', owner: 'else' }));
    const account = await credentials.saveLogin(login({ id: 'two@im.bot', token: 'two@im.bot:new' }));
    expect(account).toMatchObject({
      key: 'one@im.bot',
      id: 'two@im.bot',
      formerIds: ['one@im.bot'],
      name: 'mine',
      token: 'two@im.bot:new',
    });
    expect(stored().accounts.map((one) => one.id)).toEqual(['two@im.bot', 'else@im.bot']);
  });

  test('the same bot id again, also a former one, is the same account', async () => {
    await credentials.saveLogin(login());
    await credentials.saveLogin(login({ id: 'two@im.bot' }));
    const account = await credentials.saveLogin(login({ owner: null, token: 'again', name: 'named' }));
    expect(account).toMatchObject({
      key: 'one@im.bot',
      id: 'one@im.bot',
      formerIds: ['two@im.bot'],
      owner: 'owner@im.wechat',
      name: 'named',
      token: 'again',
    });
    expect(stored().accounts).toHaveLength(1);
  });

  test('two owners, or two bots whose owner is not known, are two accounts', async () => {
    await credentials.saveLogin(login({ owner: null }));
    await credentials.saveLogin(login({ owner: null, id: 'two@im.bot' }));
    await credentials.saveLogin(login({ owner: 'third', id: 'three@im.bot' }));
    expect(stored().accounts).toHaveLength(3);
  });

  test('an account that is removed is no longer the default', async () => {
    await credentials.saveLogin(login());
    await credentials.use('one@im.bot');
    expect(stored().defaultAccount).toBe('one@im.bot');
    await credentials.remove('one@im.bot');
    expect(stored()).toEqual({ accounts: [], defaultAccount: null, settings: {} });
  });
});

test('settings are set and unset, dots in names and values meaning nothing', async () => {
  await credentials.set('a.b', { 'c.d': 1 });
  await credentials.set('list', ['x', 'y']);
  expect(stored().settings).toEqual({ 'a.b': { 'c.d': 1 }, list: ['x', 'y'] });
  await credentials.set('a.b', undefined);
  expect(stored().settings).toEqual({ list: ['x', 'y'] });
});

test.skipIf(process.platform === 'win32')(
  'the file is its owner’s alone, from the first write on',
  async () => {
    await credentials.saveLogin(login());
    expect(statSync(paths.config).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, 'new')).mode & 0o777).toBe(0o700);
    await chmod(paths.config, 0o644);
    await credentials.set('x', 1);
    expect(statSync(paths.config).mode & 0o777).toBe(0o600);
  },
);

test('several processes that write at once lose nothing', async () => {
  const count = 25;
  const writers = ['a', 'b', 'c', 'd'].map((name) =>
    script.start('settings', join(home, 'new'), name, String(count)),
  );
  for (const writer of writers) expect(await writer.ended).toMatchObject({ code: 0, stderr: '' });
  expect(Object.keys(stored().settings)).toHaveLength(4 * count);
});

test('what this process writes at once is not lost either', async () => {
  await Promise.all(Array.from({ length: 20 }, (_, n) => credentials.set(`key${n}`, n)));
  expect(Object.keys(stored().settings)).toHaveLength(20);
});

describe('a damaged file', () => {
  test.each([
    ['nothing', ''],
    ['half a JSON', '{"accounts":['],
    ['no object', '[]'],
    ['no list of accounts', '{"accounts":{}}'],
    ['an account without a token', JSON.stringify({ accounts: [{ key: 'x', id: 'x' }] })],
    [
      'an account whose token is empty',
      JSON.stringify({ accounts: [{ ...login(), key: 'x', formerIds: [], token: '' }] }),
    ],
    ['a default that is no text', '{"defaultAccount":7}'],
    ['settings that are no object', '{"settings":[]}'],
  ])('%s: a sentence with its path, and it is left as it is', async (_, text) => {
    await credentials.set('x', 1);
    await writeFile(paths.config, text);
    const error = { kind: 'config', message: expect.stringContaining(paths.config) };
    expect(() => stored()).toThrow(expect.objectContaining(error));
    await expect(credentials.set('y', 2)).rejects.toMatchObject(error);
    await expect(credentials.saveLogin(login())).rejects.toMatchObject(error);
    expect(readFileSync(paths.config, 'utf8')).toBe(text);
  });

  test('a file that is a folder', async () => {
    paths = createPaths(home);
    credentials = createCredentials({
      paths: { ...paths, config: home },
      me: { host: 'h', pid: 1, startTime: 'x' },
      clock: systemClock,
    });
    await expect(credentials.set('y', 2)).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringContaining(home),
    });
  });

  test('parts that are missing are empty', async () => {
    await credentials.set('x', 1);
    await writeFile(paths.config, '{}');
    expect(stored()).toEqual({ accounts: [], defaultAccount: null, settings: {} });
  });
});

test('no file is an empty one, and reading makes none', async () => {
  expect(stored()).toEqual({ accounts: [], defaultAccount: null, settings: {} });
  expect(await readdir(home)).toEqual([]);
});
